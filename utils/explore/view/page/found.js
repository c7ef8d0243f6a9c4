"use strict";
// What a search found: windows with pictures, times and scores; groups of near-duplicates.
featmill.views.found = (() => {
  const { el, span, counted, get, picture } = featmill;

  const when = ([start, end]) => (start === null ? "no times" : span(start, end));

  // A moment of a video, which a click leads to. where: what follows the video's number in the address.
  async function moment(hit, where, ...texts) {
    const image = hit.start_s === null ? null : await picture(hit.number, hit.start_s, "");
    return el("a", { href: `#/video/${hit.number}/${where}` }, image, ...texts.map((text) => el("span", {}, text)));
  }

  const windows = (hits) =>
    Promise.all(
      hits.map(async (hit) =>
        el(
          "li",
          {},
          await moment(hit, hit.row, hit.video, when([hit.start_s, hit.end_s]), `score ${hit.score.toFixed(4)}`),
        ),
      ),
    );

  const groups = (found) =>
    Promise.all(
      found.map(async (group, i) => {
        const parts = await Promise.all(
          group.videos.map(async (part) => {
            const times = part.spans.map(when).join(", ");
            const hit = { number: part.number, start_s: part.spans[0][0] };
            return el(
              "li",
              {},
              await moment(hit, `@${hit.start_s ?? 0}`, part.video, counted(part.windows, "window"), times),
            );
          }),
        );
        return el(
          "section",
          {},
          el("h2", {}, `Group ${i + 1}: ${counted(group.videos.length, "video")}, score ${group.score.toFixed(4)}`),
          el("ul", { class: "near" }, ...parts),
        );
      }),
    );

  async function draw(main, isCurrent) {
    const { what, note, hits, duplicates } = await get("found");
    const shown = duplicates ? await groups(duplicates) : [el("ol", { class: "near" }, ...(await windows(hits)))];
    const isEmpty = !(duplicates || hits).length;
    if (!isCurrent()) return;
    main.replaceChildren(
      el("p", {}, el("a", { href: "#/" }, "← all videos")),
      el("h1", { tabindex: -1 }, what),
      ...(note ? [el("p", { class: "quiet" }, note)] : []),
      ...(isEmpty ? [el("p", {}, "Nothing was found.")] : shown),
    );
  }
  return draw;
})();
