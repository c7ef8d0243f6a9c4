"use strict";
// What is drawn of the rows of one key, a track below the other.
featmill.layer = (() => {
  const { PALETTE, tracks, details } = featmill;

  // fill: the colour of windows. chosen: gives the chosen row, or -1. point: what happens at a time.
  function drawn(axis, layer, fill, chosen, point) {
    const { key, name } = layer;
    const parts = [tracks.spans(axis, `${name}: windows`, key, fill, chosen, point)];
    const middle = tracks.middles(key),
      ends = key.to_s[key.to_s.length - 1];
    if (key.flow)
      parts.push(
        tracks.filmstrip(
          axis,
          `${name}: flow`,
          "Flow fields along the time axis",
          async (time) => (time < ends ? details.flowPicture(layer, tracks.rowAt(key, time)) : null),
          point,
        ),
      );
    if (key.flow)
      parts.push(
        tracks.curve(axis, `${name}: mean speed, pixels per frame`, "Mean speed", middle, [key.flow.speed], point),
      );
    if (key.change?.length)
      parts.push(
        tracks.curve(
          axis,
          `${name}: change, 1 − cosine to the row before`,
          "Change from row to row",
          middle.slice(1),
          [key.change],
          point,
        ),
      );
    parts.push(...details.classTracks(axis, layer, point));
    if (key.components && key.rows > 2)
      parts.push(
        tracks.curve(
          axis,
          `${name}: principal components 1, 2, 3 (blue, orange, green)`,
          "Principal components",
          middle,
          key.components,
          point,
          [-1, 1],
        ),
      );
    if (key.similarity && key.rows > 2)
      parts.push(
        tracks.matrix(axis, `${name}: cosine of all pairs of rows, ${key.similarity.low} dark to 1 bright`, key, point),
      );
    parts.push(...compared(axis, layer, middle, point));
    return parts;
  }

  // The other output of the same video.
  function compared(axis, layer, middle, point) {
    const { about: own, key, name } = layer,
      theirs = own.other?.keys.find((each) => each.key === key.key);
    if (!theirs) return [];
    const cosines = own.other.cosines[key.key],
      title = `${name} of the other output`;
    const parts = [tracks.spans(axis, `${title}: windows`, theirs, PALETTE[7], () => -1, null)];
    if (cosines)
      parts.push(
        tracks.curve(
          axis,
          `${name}: cosine with the other output`,
          "Cosine with the other output",
          middle,
          [cosines],
          point,
          [Math.min(0, ...cosines.filter((each) => each !== null)), 1],
        ),
      );
    if (theirs.change?.length)
      parts.push(
        tracks.curve(
          axis,
          `${title}: change`,
          "Change from row to row, other output",
          tracks.middles(theirs).slice(1),
          [theirs.change],
          null,
        ),
      );
    parts.push(...details.classTracks(axis, { about: own.other, key: theirs, name: title }, null));
    if (theirs.similarity && theirs.rows > 2)
      parts.push(tracks.matrix(axis, `${title}: cosine of all pairs, ${theirs.similarity.low} to 1`, theirs, null));
    return parts;
  }

  return drawn;
})();
