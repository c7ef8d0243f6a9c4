"use strict";
// What the view of a video says beside its tracks: shapes, nearest windows, sound.
featmill.details = (() => {
  const { el, seconds, counted, get, picture, isStatic, tip, tracks } = featmill;
  const POLL_MS = 700;

  function facts(layers) {
    return el(
      "table",
      {},
      el("caption", { class: "unseen" }, "Features of this video"),
      el("thead", {}, el("tr", {}, ...["Features", "Shape", "Type"].map((title) => el("th", { scope: "col" }, title)))),
      el(
        "tbody",
        {},
        ...layers.map(({ key, name }) =>
          el(
            "tr",
            {},
            el("th", { scope: "row" }, name),
            el("td", {}, key.shape.join(" × ")),
            el(
              "td",
              {},
              `${key.dtype}${key.not_finite ? `; ${counted(key.not_finite, "row")} with NaN or infinity` : ""}${key.times_known ? "" : "; times were not saved, rows are spread evenly"}`,
            ),
          ),
        ),
      ),
    );
  }

  async function nearest(host, id, i, row, isCurrent, collection) {
    const say = (text) => host.replaceChildren(el("p", { class: "quiet" }, text));
    try {
      for (;;) {
        const found = isStatic
          ? { hits: (await get(`near-${id}-${i}`)).rows[row] || [] }
          : await get(`near-${id}-${i}-${row}`);
        if (!isCurrent()) return;
        if (found.note) return say(found.note);
        if (found.hits) return await showHits(host, found.hits, collection);
        say(
          found.listing ? "Reading the list of videos …" : `Reading all windows: ${found.read} of ${found.of} videos …`,
        );
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    } catch (error) {
      if (isCurrent()) say(error.message);
    }
  }

  async function showHits(host, hits, collection) {
    const names = new Map(collection.videos.number.map((id, i) => [id, collection.videos.name[i]]));
    const items = await Promise.all(
      hits.map(async (hit) =>
        el(
          "li",
          {},
          el(
            "a",
            { href: `#/video/${hit.number}/${hit.row}` },
            await picture(hit.number, hit.start_s, ""),
            `${names.get(hit.number) ?? "?"}, ${seconds(hit.start_s)}; cosine ${hit.cosine.toFixed(3)}`,
          ),
        ),
      ),
    );
    host.replaceChildren(
      hits.length ? el("ul", { class: "near" }, ...items) : el("p", { class: "quiet" }, "There are no other windows."),
    );
  }

  async function addSound(host, axis, about) {
    if (!about) return;
    const sound = await get(`sound-${about.number}`).catch((error) => ({ error: error.message }));
    if (sound.error) {
      host.append(el("p", { class: "quiet" }, `sound: ${sound.error}`));
      return;
    }
    const n = sound.level_db.length,
      times = sound.level_db.map((_, i) => sound.start_s + ((i + 0.5) / n) * sound.length_s);
    host.append(
      tracks.curve(axis, "sound level, dB of full scale", "Sound level in dB", times, [sound.level_db], null, [-80, 0]),
      tracks.spectrogram(axis, sound),
    );
  }

  const classesOf = ({ about, key }) =>
    (about.classes || []).filter((found) => found.key === key.key && found.lanes.length);

  // Top classes and labels of a layer along the time axis. point: what happens at a time.
  function classTracks(axis, layer, point) {
    return classesOf(layer).map((found) => {
      const pointed = (time, event, isClick) =>
        isClick
          ? point?.(time, event, true)
          : tip(event, el("span", {}, `${seconds(time)}; ${tracks.best(found, time, 5)}`));
      const what = found.what === "cosine" ? "labels, by cosine" : "top classes, by probability";
      const label = `Classes along the time axis: ${found.lanes.join(", ")}`;
      return tracks.classes(axis, `${layer.name}: ${what}`, label, found, pointed);
    });
  }

  // What is wrong with the video or its files: what several types say, once.
  function notes(documents) {
    const types = new Map();
    for (const each of documents)
      for (const note of [...each.notes, each.error].filter(Boolean)) {
        const text = `${each.error === note ? "" : `${each.status}: `}${note}`;
        types.set(text, [...(types.get(text) || []), each.type]);
      }
    return [...types].map(([text, names]) =>
      el("p", { class: /^(partial|skipped|done): /.test(text) ? "quiet" : "bad" }, `${names.join(", ")} ${text}`),
    );
  }

  // Of a video at an address, which is loaded only once the link is followed.
  const link = (about) =>
    about.link
      ? [el("p", {}, el("a", { href: about.link, rel: "noopener noreferrer", target: "_blank" }, about.link))]
      : [];

  // The frames of the file that a row was made of; where nobody counted them, what the rate tells.
  function frames(about, key, at) {
    const span = (first, last) => (first === last ? `frame ${first}` : `frames ${first} to ${last}`);
    if (!key.times_known) return "";
    if (about.frames) return `${span(about.frames.first[at], about.frames.last[at])} of the file`;
    if (!about.fps) return "";
    const rate = +about.fps.toFixed(3);
    const counted = span(Math.round(key.start_s[at] * about.fps), Math.round(key.end_s[at] * about.fps));
    return about.sampled_fps ? `${counted} of those sampled at ${rate} fps` : `about ${counted}, at ${rate} fps`;
  }

  async function addFrames(documents, said) {
    for (const about of documents.filter((each) => each.has_frames && each.keys.length)) {
      const found = await get(`frames-${about.number}`).catch(() => ({}));
      if (found.first) about.frames = found;
    }
    said();
  }

  // The row nearest to a given one of which there is a picture: an export has not those of all
  const pictured = (key, at) =>
    isStatic
      ? key.flow.rows.reduce((a, b) => (Math.abs(b - at * key.step) < Math.abs(a - at * key.step) ? b : a), 0)
      : at * key.step;
  const flowPicture = ({ about, key, i }, at) =>
    at < 0 ? null : `media/${about.number}/flow-${i}-${pictured(key, at)}.png`;

  return { facts, frames, addFrames, nearest, addSound, classesOf, classTracks, notes, link, pictured, flowPicture };
})();
