"use strict";
// The first view: what there is, what failed, the map of windows, the table of videos.
featmill.views.collection = (() => {
  const { el, canvas, colour, number, counted, duration } = featmill;
  const LONGEST = 500; // characters of a cause

  // Lines of earlier versions do not say how long videos are.
  const long = (folder) =>
    folder.length_s ? `${folder.without_length ? "at least " : ""}${duration(folder.length_s)} of video` : "";

  function card(folder) {
    const counts = ["done", "partial", "skipped", "failed"]
      .filter((status) => folder[status] || status === "done")
      .map((status) => `${number(folder[status])} ${status}`)
      .join(", ");
    const weights = Object.entries(folder.weights || {})
      .map(([name, hash]) => `${name}: ${String(hash).slice(0, 16)}`)
      .join(", ");
    const settings = Object.entries(folder.settings || {}).filter(([name]) => name !== "weights");
    const rate = folder.videos_per_s
      ? `${folder.videos_per_s >= 0.1 ? `${folder.videos_per_s.toFixed(2)} videos/s` : `${(folder.videos_per_s * 3600).toFixed(1)} videos/h`} lately`
      : "";
    const left =
      folder.left === null || folder.left === undefined
        ? ""
        : `${number(folder.left)} of ${number(folder.listed)} left`;
    return el(
      "section",
      { class: "card" },
      el("h2", {}, folder.type),
      el("p", { class: "big" }, counts),
      el("p", {}, [counted(folder.windows, "window"), long(folder), left, rate].filter(Boolean).join("; ")),
      folder.warning ? el("p", { class: "bad" }, folder.warning) : null,
      el(
        "p",
        { class: "quiet" },
        `format ${folder.on_extraction || "?"}; settings ${folder.settings_hash || "?"}${weights ? `; weights ${weights}` : ""}`,
      ),
      settings.length
        ? el(
            "details",
            {},
            el("summary", {}, "Settings"),
            el(
              "table",
              {},
              el(
                "tbody",
                {},
                ...settings.map(([name, value]) =>
                  el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, JSON.stringify(value))),
                ),
              ),
            ),
          )
        : null,
    );
  }

  const cut = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST)} …` : text);

  function failures(folders) {
    const types = new Map(); // of the same cause in the same videos
    for (const { type, causes } of folders)
      for (const each of causes) {
        const same = JSON.stringify(each);
        types.set(same, [...(types.get(same) || []), type]);
      }
    const rows = [...types].map(([same, names]) => {
      const cause = JSON.parse(same);
      return el(
        "tr",
        {},
        el("td", {}, names.join(", ")),
        el("td", { class: cause.status === "failed" ? "bad" : null }, `${number(cause.videos)} ${cause.status}`),
        el("td", { title: cause.cause }, cut(cause.cause)),
        el("td", {}, cut(cause.examples.join(", "))),
      );
    });
    if (!rows.length) return el("p", { class: "quiet" }, "Every video is done.");
    const commands = [
      ...new Set(folders.filter((folder) => folder.failed && folder.command).map((folder) => folder.command)),
    ];
    return el(
      "div",
      {},
      el(
        "table",
        { class: "causes" },
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            ...["Type", "Videos", "Cause, and what to do", "Such as"].map((title) => el("th", { scope: "col" }, title)),
          ),
        ),
        el("tbody", {}, ...rows),
      ),
      commands.length
        ? el(
            "p",
            {},
            "The same command tries failed videos again: ",
            ...commands.map((command) => el("code", {}, command)),
          )
        : null,
    );
  }

  function rate(finished) {
    const times = finished.filter((time) => time > 0).sort((a, b) => a - b);
    if (times.length < 3 || times[times.length - 1] === times[0]) return null;
    const span = times[times.length - 1] - times[0],
      bins = Math.min(60, span),
      counts = Array(bins).fill(0);
    for (const time of times) counts[Math.min(bins - 1, Math.floor(((time - times[0]) / span) * bins))]++;
    const most = Math.max(...counts),
      wide = span / bins;
    const picture = canvas(
      { "aria-label": `Videos finished over ${duration(span)}, at most ${most} in ${duration(wide)}` },
      (context, width, height) => {
        context.fillStyle = colour("accent");
        counts.forEach((count, i) =>
          context.fillRect(
            (i * width) / bins,
            height - (count / most) * height,
            width / bins - 1,
            (count / most) * height,
          ),
        );
      },
    );
    picture.style.height = "48px";
    return el(
      "section",
      {},
      el("h2", {}, "Rate over time"),
      picture,
      el(
        "p",
        { class: "quiet" },
        `${duration(span)} from first to last; the highest bar is ${counted(most, "video")} in ${duration(wide)}.`,
      ),
    );
  }

  // Known of each video on the map: how long its windows reach
  const windows = ({ folders }) => folders.reduce((sum, folder) => sum + folder.windows, 0);

  // Returns what takes in the collection after a run has added to it; the map stays as it is until it is asked for again,
  // but that of a first part.
  function draw(main, collection) {
    const open = (id, row) => {
      location.hash = row === undefined ? `#/video/${id}` : `#/video/${id}/${row}`;
    };
    const places = new Map();
    const heading = el("h1", { tabindex: -1 }),
      cards = el("div", { class: "cards" }),
      failed = el("div", {}),
      rates = el("div", {});
    const table = featmill.table(collection, open);
    function take({ videos, folders, is_whole }) {
      videos.number.forEach((id, i) => places.set(id, i));
      const n = new Set(videos.name).size;
      heading.textContent = `${counted(n, "video")}${is_whole ? "" : " so far: the list is still being read"}`;
      cards.replaceChildren(
        ...folders.map((each) => card(is_whole ? each : { ...each, left: null, videos_per_s: null })),
      );
      failed.replaceChildren(failures(folders));
      rates.replaceChildren(...[rate(videos.finished)].filter(Boolean));
    }
    take(collection);
    const kept = {},
      map = el("div", {}, featmill.maps(collection, places, open, kept)),
      again = el("p", { role: "status" });
    let drawn = collection;
    function mapAgain(fresh) {
      drawn = fresh;
      again.replaceChildren();
      map.replaceChildren(featmill.maps(fresh, places, open, kept));
    }
    main.replaceChildren(
      heading,
      ...(collection.found ? [el("p", {}, el("a", { href: "#/found" }, "What the search found"))] : []),
      cards,
      ...(collection.has_media || featmill.isStatic
        ? []
        : [
            el(
              "p",
              { class: "quiet" },
              "Pictures and players: start with --videos FOLDER, the folder in which the videos are.",
            ),
          ]),
      el("section", {}, el("h2", {}, "What is not done"), failed),
      map,
      again,
      el("section", {}, el("h2", {}, "Videos"), table.element),
      rates,
    );
    return (fresh) => {
      take(fresh);
      table.take(fresh);
      const added = windows(fresh) - windows(drawn);
      if (!drawn.is_whole && fresh.is_whole) mapAgain(fresh);
      else if (fresh.is_whole && added) {
        const text = added > 0 ? `Map again, with ${counted(added, "new window")}` : "Map again";
        again.replaceChildren(el("button", { type: "button", onclick: () => mapAgain(fresh) }, text));
      }
    };
  }
  return draw;
})();
