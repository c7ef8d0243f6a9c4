"use strict";
// The view of one video: player, and all that its features say on one time axis.
featmill.views.video = (() => {
  const { el, PALETTE, seconds, announce, tip, tracks, details } = featmill;
  const { pictured, flowPicture } = details;

  // All keys of all types of a video, those of its other output too
  function layers(documents) {
    return documents.flatMap((about) =>
      about.keys.map((key, i) => ({
        about,
        key,
        i,
        name: about.keys.length > 1 ? `${about.type} ${key.key}` : about.type,
      })),
    );
  }

  function view(main, collection, documents, other) {
    const about = documents[0],
      all = layers(documents);
    const ends = all.flatMap(({ key }) => [...key.end_s.slice(-1), ...key.to_s.slice(-1)]);
    const axis = tracks.axisOf(Math.max(about.length_s, ...ends, 0.1));
    const player = featmill.player(about.number, documents.find((each) => each.player) || about, axis);
    const near = el("div", {}, el("p", { class: "quiet" }, "Choose a window."));
    const flow = el("img", { class: "flow", alt: "" }),
      caption = el("figcaption", { class: "quiet" });
    const figure = el("figure", { class: "flows", hidden: true }, flow, caption);
    const chosen = { layer: all.length ? 0 : -1, at: 0 };
    let flowLayer = all.findIndex(({ key }) => key.flow);
    const slider = el("div", {
      class: "card",
      role: "slider",
      tabindex: 0,
      "aria-label": "Window",
      "aria-valuemin": 0,
      onkeydown: keyed,
    });

    function choose(layer, at, play) {
      const { about: own, key, i } = all[layer];
      if (!key.rows) return;
      Object.assign(chosen, { layer, at });
      announce(say());
      if (play) player.play(key.start_s[at], key.end_s[at]);
      else player.seek(key.start_s[at]);
      history.replaceState(null, "", `#/video/${own.number}/${at * key.step}`);
      if (key.flow) flowLayer = layer;
      if (flowLayer >= 0) showFlow(key.flow ? at : tracks.rowAt(all[flowLayer].key, key.start_s[at]));
      if (key.flow) {
        near.replaceChildren(el("p", { class: "quiet" }, "Flow fields are not compared."));
      } else if (featmill.isStatic && !key.near)
        near.replaceChildren(el("p", { class: "quiet" }, "Not in this export: it has too many windows."));
      else
        details.nearest(
          near,
          own.number,
          i,
          at * key.step,
          () => chosen.layer === layer && chosen.at === at,
          collection,
        );
    }

    // Sets what the slider says of the chosen window, and returns it.
    function say() {
      const { key, name, about: own } = all[chosen.layer],
        { at } = chosen;
      const middle = tracks.middles(key)[at];
      const best = details.classesOf(all[chosen.layer]).map((found) => tracks.best(found, middle, 1));
      const text = [tracks.describe(name, key, at), details.frames(own, key, at), ...best].filter(Boolean).join("; ");
      slider.textContent = text;
      const said = { valuemax: key.rows - 1, valuenow: at * key.step, valuetext: text };
      for (const [attribute, value] of Object.entries(said)) slider.setAttribute(`aria-${attribute}`, value);
      return text;
    }

    function showFlow(at) {
      if (at < 0) return;
      const { key, name } = all[flowLayer],
        row = pictured(key, at);
      flow.src = flowPicture(all[flowLayer], at);
      flow.alt = `Flow field of row ${row}`;
      caption.textContent = `Flow of ${name} row ${row}: right is red, down yellow-green, left cyan, up violet; full colour is ${key.flow.most} pixels per frame.`;
      figure.hidden = false;
    }

    function keyed(event) {
      const { layer, at } = chosen;
      if (layer < 0) return;
      const last = all[layer].key.start_s.length - 1;
      const next = {
        ArrowRight: at + 1,
        ArrowUp: at + 1,
        ArrowLeft: at - 1,
        ArrowDown: at - 1,
        PageUp: at + 10,
        PageDown: at - 10,
        Home: 0,
        End: last,
      }[event.key];
      if (next !== undefined) choose(layer, Math.max(0, Math.min(last, next)), false);
      else if (event.key === "Enter") choose(layer, at, true);
      else if (event.key === " ") player.toggle();
      else if (event.key === "+" || event.key === "=") axis.zoom(0.5);
      else if (event.key === "-") axis.zoom(2);
      else if (/^[1-9]$/.test(event.key) && all[event.key - 1]) choose(event.key - 1, 0, false);
      else return;
      event.preventDefault();
    }

    const pointed = (layer) => (time, event, isClick) => {
      const { key, name } = all[layer],
        at = tracks.rowAt(key, time);
      if (at < 0) return;
      if (isClick) choose(layer, at, true);
      else
        tip(
          event,
          el(
            "span",
            {},
            [
              tracks.describe(name, key, at),
              details.frames(all[layer].about, key, at),
              key.change && at ? `change ${key.change[at - 1] ?? "?"}` : "",
            ]
              .filter(Boolean)
              .join("; "),
          ),
        );
    };

    const chosenAt = (layer) => () => (chosen.layer === layer ? chosen.at : -1);
    const seek = (time, event, isClick) => (isClick ? player.seek(time) : tip(event, el("span", {}, seconds(time))));

    const button = (text, label, onclick) => el("button", { type: "button", "aria-label": label, onclick }, text);
    const strip = about.thumbs_ms.length
      ? [
          tracks.filmstrip(
            axis,
            "pictures",
            "Pictures of the video along the time axis",
            (time) => featmill.thumb(about.number, time),
            seek,
          ),
        ]
      : [];
    const sound = el("div", {});
    const hasRows = all.some(({ key }) => key.rows);
    const choice = [
      details.facts(all),
      el("h2", {}, "Chosen window"),
      slider,
      el(
        "p",
        { class: "quiet" },
        "Here arrow keys go from row to row; Enter plays the window, Space the video; 1 to 9 choose features; + and − zoom.",
      ),
      el("h2", {}, "Nearest in the collection"),
      near,
    ];
    const play = button("Play window", "Play the chosen window", () => choose(chosen.layer, chosen.at, true));
    const bar = el(
      "div",
      { class: "bar" },
      hasRows ? play : null,
      button("+", "Zoom in", () => axis.zoom(0.5)),
      button("−", "Zoom out", () => axis.zoom(2)),
      button("Whole", "Show the whole video", () => axis.zoom(Infinity)),
    );
    main.replaceChildren(
      el("p", {}, el("a", { href: "#/" }, "← all videos")),
      el("h1", { tabindex: -1 }, about.name),
      ...details.link(about),
      ...details.notes(documents),
      ...(other && !documents.some((each) => each.other)
        ? [el("p", { class: "quiet" }, `${other} has no such video.`)]
        : []),
      el(
        "div",
        { class: "top" },
        el("div", {}, player.element, figure),
        el("div", {}, ...(hasRows ? choice : [el("p", {}, "There are no features of this video.")])),
      ),
      ...(hasRows || about.length_s ? [bar, tracks.ruler(axis, seek)] : []),
      ...strip,
      ...all.flatMap((each, layer) => featmill.layer(axis, each, PALETTE[layer % 7], chosenAt(layer), pointed(layer))),
      sound,
    );
    details.addSound(
      sound,
      axis,
      documents.find((each) => each.rate_hz && each.is_found),
    );
    details.addFrames(documents, () => hasRows && say());
    return { choose, all };
  }

  // isCurrent: false once another view has been opened, while this one was loading.
  async function draw(main, collection, id, row, isCurrent) {
    const { videos } = collection,
      name = videos.name[videos.number.indexOf(id)];
    const ids = [id, ...videos.number.filter((each, i) => videos.name[i] === name && each !== id)];
    const documents = await Promise.all(ids.map((each) => featmill.video(each)));
    if (!isCurrent()) return;
    const shown = view(main, collection, documents, collection.other);
    const layer = shown.all.findIndex(({ about, key }) => about.number === id && key.rows);
    if (layer < 0) return;
    const { key } = shown.all[layer];
    const time = /^@[\d.]+$/.test(row) ? +row.slice(1) : null; // when a window starts
    const away = key.start_s.map((start) => Math.abs(start - time));
    const at = time === null ? Math.round((parseInt(row, 10) || 0) / key.step) : away.indexOf(Math.min(...away));
    shown.choose(layer, Math.max(0, Math.min(key.start_s.length - 1, at)), false);
  }
  return draw;
})();
