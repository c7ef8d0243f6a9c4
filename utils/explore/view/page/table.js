"use strict";
// The table of videos: sorted, filtered and searched here; only the rows in sight are elements.
featmill.table = (() => {
  const { el, number, announce } = featmill;
  const ROW = 32; // pixels, as in style.css at 16 pixels per rem
  const TALLEST = 8e6; // pixels of an element that every browser can scroll through
  const COLUMNS = [
    ["name", "Video"],
    ["folder", "Type"],
    ["status", "Status"],
    ["windows", "Windows"],
    ["finished", "Finished, UTC"],
  ];

  const moment = (time) => (time ? new Date(time * 1000).toISOString().slice(0, 16).replace("T", " ") : "");

  function table(collection, open) {
    let videos = collection.videos,
      lower = [];
    let types = collection.folders.map((folder) => folder.type);
    const rowHeight = (ROW * parseFloat(getComputedStyle(document.documentElement).fontSize)) / 16;
    const state = { order: [], sort: "", down: false, active: 0, words: "", status: "", folder: "" };
    const body = el("div", { class: "body", role: "rowgroup" });
    const heads = COLUMNS.map(([key, title]) =>
      el(
        "div",
        { role: "columnheader", "aria-sort": "none" },
        el("button", { type: "button", onclick: () => sortBy(key) }, title),
      ),
    );
    const head = el(
      "div",
      { class: "head", role: "rowgroup" },
      el("div", { class: "row", role: "row", "aria-rowindex": 1 }, ...heads),
    );
    const grid = el(
      "div",
      { class: "grid", role: "grid", tabindex: 0, "aria-label": "Videos", onscroll: draw, onkeydown: keyed },
      head,
      body,
    );
    const count = el("span", { class: "quiet" });

    function take(fresh) {
      videos = fresh.videos;
      lower = videos.name.map((name) => name.toLowerCase());
      types = fresh.folders.map((folder) => folder.type);
      filter();
    }

    function choose() {
      grid.scrollTop = 0;
      state.active = 0;
      filter();
    }

    function filter() {
      const words = state.words.toLowerCase().split(/\s+/).filter(Boolean);
      state.order = [];
      for (let i = 0; i < lower.length; i++) {
        if (state.status && videos.status[i] !== state.status) continue;
        if (state.folder !== "" && videos.folder[i] !== +state.folder) continue;
        if (words.every((word) => lower[i].includes(word))) state.order.push(i);
      }
      arrange();
      state.active = Math.min(state.active, Math.max(0, state.order.length - 1));
      count.textContent = `${number(state.order.length)} of ${number(lower.length)}`;
      grid.setAttribute("aria-rowcount", state.order.length + 1);
      draw();
    }

    function arrange() {
      if (!state.sort) return;
      const column = state.sort === "name" ? lower : videos[state.sort];
      const sign = state.down ? -1 : 1;
      state.order.sort((a, b) => (column[a] < column[b] ? -sign : column[a] > column[b] ? sign : a - b));
    }

    function sortBy(key) {
      state.down = state.sort === key && !state.down;
      state.sort = key;
      heads.forEach((each, i) =>
        each.setAttribute("aria-sort", COLUMNS[i][0] === key ? (state.down ? "descending" : "ascending") : "none"),
      );
      choose();
      announce(`sorted by ${key}, ${state.down ? "descending" : "ascending"}`);
    }

    // Of a list too tall for the browser, the scroll bar stands for the whole, and rows are placed where it is.
    function draw() {
      const full = state.order.length * rowHeight;
      const height = Math.min(full, TALLEST);
      body.style.height = `${height}px`;
      const seen = grid.clientHeight - head.offsetHeight;
      const share = height > seen ? grid.scrollTop / (height - seen) : 0;
      const top = share * Math.max(0, full - seen);
      const first = Math.max(0, Math.floor(top / rowHeight) - 4);
      const last = Math.min(state.order.length, Math.ceil((top + seen) / rowHeight) + 4);
      const shift = grid.scrollTop - top;
      const rows = [];
      for (let at = first; at < last; at++) rows.push(row(at, at * rowHeight + shift));
      body.replaceChildren(...rows);
      grid.setAttribute("aria-activedescendant", `row-${state.active}`);
    }

    function row(at, y) {
      const i = state.order[at];
      const cells = [
        videos.name[i],
        types[videos.folder[i]],
        videos.status[i],
        number(videos.windows[i]),
        moment(videos.finished[i]),
      ];
      const element = el(
        "div",
        {
          class: at === state.active ? "row active" : "row",
          role: "row",
          id: `row-${at}`,
          "aria-rowindex": at + 2,
          "aria-selected": at === state.active,
          onclick: () => open(videos.number[i]),
        },
        ...cells.map((text, c) =>
          el(
            "div",
            {
              role: "gridcell",
              class: c === 2 && text === "failed" ? "bad" : null,
              title: c ? null : videos.reason[i] || text,
            },
            text,
          ),
        ),
      );
      element.style.top = `${y}px`;
      return element;
    }

    function keyed(event) {
      const page = Math.floor(grid.clientHeight / rowHeight) - 2;
      const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
      if (event.target !== grid) return;
      if (event.key === "Enter" && state.order.length) open(videos.number[state.order[state.active]]);
      if (!(event.key in steps)) return;
      event.preventDefault();
      state.active = Math.max(0, Math.min(state.order.length - 1, state.active + steps[event.key]));
      show(state.active);
    }

    function show(at) {
      const full = state.order.length * rowHeight,
        height = Math.min(full, TALLEST);
      const seen = grid.clientHeight - head.offsetHeight;
      const scale = full > seen ? (height - seen) / (full - seen) : 1;
      const top = grid.scrollTop / scale;
      if (at * rowHeight < top) grid.scrollTop = at * rowHeight * scale;
      else if ((at + 1) * rowHeight > top + seen) grid.scrollTop = ((at + 1) * rowHeight - seen) * scale;
      draw();
    }

    function select(title, key, values) {
      const options = [
        el("option", { value: "" }, "all"),
        ...values.map(([value, text]) => el("option", { value }, text)),
      ];
      return el(
        "label",
        {},
        title,
        el(
          "select",
          {
            onchange: (event) => {
              state[key] = event.target.value;
              choose();
            },
          },
          ...options,
        ),
      );
    }

    const search = el("input", {
      type: "search",
      oninput: (event) => {
        state.words = event.target.value;
        choose();
      },
    });
    const statuses = ["done", "partial", "skipped", "failed"].map((status) => [status, status]);
    const bar = el(
      "div",
      { class: "bar" },
      el("label", {}, "Name has", search),
      select("Status", "status", statuses),
      select(
        "Type",
        "folder",
        types.map((type, i) => [i, type]),
      ),
      count,
    );
    const element = el("div", {}, bar, grid);
    new ResizeObserver(draw).observe(grid);
    take(collection);
    return { element, take };
  }
  return table;
})();
