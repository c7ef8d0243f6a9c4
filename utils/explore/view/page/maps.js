"use strict";
// The section with the map of windows: which features, which way, how many.
featmill.maps = (() => {
  const { el, number, counted, duration, get } = featmill;

  function lengths(points) {
    const found = new Map();
    points.number.forEach((id, i) => found.set(id, Math.max(found.get(id) || 0, points.end_s[i])));
    return found;
  }

  function hours(points, n) {
    const found = [...lengths(points).values()],
      sum = found.reduce((a, b) => a + b, 0);
    if (!found.length || !sum) return "";
    const total = (sum / found.length) * n;
    return `${found.length < n ? "about " : ""}${duration(total)} of video`;
  }

  // kept: what the user chose, by the words on the page; it outlives the map when the map is drawn again.
  function maps(collection, places, open, kept) {
    const choices = collection.keys.flatMap((keys, folder) =>
      keys.map((key, i) => [
        `${folder}-${i}`,
        keys.length > 1 ? `${collection.folders[folder].type}: ${key}` : collection.folders[folder].type,
      ]),
    );
    const host = el("div", {});
    const note = el("span", { class: "quiet" });
    const { videos } = collection;
    let choice = choices.find(([, text]) => text === kept.features)?.[0] ?? collection.first_map;
    let way = kept.way ?? "map";
    async function show() {
      const mine = `${way}-${choice}`;
      host.replaceChildren(el("p", { class: "quiet" }, "Reading windows …"));
      try {
        const points = await get(mine);
        if (mine !== `${way}-${choice}`) return;
        const about = {
          name: (id) => videos.name[places.get(id)] ?? "?",
          label: (id, key) => videos[key][places.get(id)],
          lengths: lengths(points),
          labels: collection.labels,
          hasMedia: collection.has_media,
        };
        const n = collection.folders[+choice.split("-")[0]],
          share = points.shares.map((each) => `${(each * 100).toFixed(0)} %`).join(" and ");
        note.textContent = points.x.length
          ? `${number(points.x.length)} of ${counted(points.total, "window")}; ${way === "map" ? `principal components with ${share} of the variance` : "UMAP"}${n.length_s ? "" : `; ${hours(points, n.done + n.partial)}`}`
          : "";
        host.replaceChildren(
          points.x.length
            ? featmill.map(points, about, open)
            : el("p", { class: "quiet" }, "No windows that a map can show: flow fields, or files that cannot be read."),
        );
      } catch (error) {
        host.replaceChildren(el("p", { class: "bad" }, error.message));
      }
    }
    const select = (options, chosen) =>
      el(
        "select",
        { onchange: (event) => chosen(event.target.value) },
        ...options.map(([value, text]) => el("option", { value }, text)),
      );
    const features = select(choices, (value) => {
      choice = value;
      kept.features = choices.find(([each]) => each === value)[1];
      show();
    });
    if (choices.length) features.value = choice;
    const ways = select(
      [
        ["map", "principal components"],
        ["umap", "UMAP"],
      ],
      (value) => {
        kept.way = way = value;
        show();
      },
    );
    ways.value = way;
    if (choices.length) show();
    return el(
      "section",
      {},
      el("h2", {}, "Map of windows"),
      el(
        "div",
        { class: "bar" },
        el("label", {}, "Features", features),
        ...(collection.maps.includes("umap") ? [el("label", {}, "By", ways)] : []),
        note,
      ),
      host,
    );
  }
  return maps;
})();
