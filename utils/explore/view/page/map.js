"use strict";
// The map of windows: a point each, by the first two principal components.
featmill.map = (() => {
  const { el, canvas, colour, PALETTE, viridis, span, counted, tip, picture, announce } = featmill;
  const shade = (share) => `rgb(${viridis(0.15 + 0.77 * Math.min(1, share))})`; // seen on light and on dark ground
  const EDGE = 16,
    REACH = 10; // pixels: margin; how far from a point the pointer still means it
  const OTHER = PALETTE.length - 1; // the colour of what has none of its own

  const rank = (values) => {
    const counts = new Map();
    for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]).map(([value]) => value);
  };

  // How points are coloured: a function from point to colour, and what the legend says.
  function colouring(choice, points, about) {
    if (choice === "time") {
      const most = Math.max(1e-9, ...about.lengths.values());
      return {
        of: (i) => shade(points.start_s[i] / (about.lengths.get(points.number[i]) || most)),
        scale: ["start of its video", "its end"],
      };
    }
    const values =
      choice === "cluster" || choice === "classes"
        ? points[choice]
        : points.number.map((id) => (choice === "video" ? about.name(id) : about.label(id, choice)));
    const ranked = rank(values);
    const places = new Map(ranked.map((value, i) => [value, Math.min(i, OTHER)]));
    const named = ranked
      .slice(0, OTHER)
      .map((value) => (choice === "cluster" ? `cluster ${value + 1}` : value || "none"));
    return {
      of: (i) => PALETTE[places.get(values[i])],
      names: ranked.length > OTHER ? [...named, counted(ranked.length - OTHER, "other")] : named,
    };
  }

  function legend(colours) {
    if (colours.scale) {
      const bar = canvas({ "aria-hidden": "true" }, (context, width, height) => {
        for (let x = 0; x < width; x++) {
          context.fillStyle = shade(x / width);
          context.fillRect(x, 0, 1, height);
        }
      });
      bar.style.width = "6rem";
      return el("ul", { class: "legend" }, el("li", {}, `${colours.scale[0]} `, bar, colours.scale[1]));
    }
    return el(
      "ul",
      { class: "legend" },
      ...colours.names.map((name, i) => {
        const swatch = el("span", { class: "swatch" });
        swatch.style.background = PALETTE[Math.min(i, OTHER)];
        return el("li", {}, swatch, name);
      }),
    );
  }

  function map(points, about, open) {
    const n = points.x.length;
    const low = (values) => values.reduce((a, b) => Math.min(a, b), Infinity),
      high = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);
    const box = [low(points.x), high(points.x), low(points.y), high(points.y)];
    let colours = colouring("video", points, about),
      placed = [],
      chosen = -1,
      size = [0, 0];

    function place(width, height) {
      const scale = (value, from, to, length) =>
        EDGE + (to > from ? (value - from) / (to - from) : 0.5) * (length - 2 * EDGE);
      placed = points.x.map((x, i) => [
        scale(x, box[0], box[1], width),
        height - scale(points.y[i], box[2], box[3], height),
      ]);
      size = [width, height];
    }

    const picture2d = canvas(
      {
        tabindex: 0,
        role: "application",
        "aria-label": `Map of ${counted(n, "window")}. Arrow keys go from window to window, Enter opens one.`,
        onpointermove: hovered,
        onpointerleave: (event) => {
          pick(-1);
          tip(event);
        },
        onclick: (event) => {
          const i = at(event);
          if (i >= 0) openAt(i);
        },
        onkeydown: keyed,
      },
      (context, width, height) => {
        if (size[0] !== width || size[1] !== height) place(width, height);
        const radius = n > 5000 ? 1.6 : n > 500 ? 2.5 : 4;
        context.globalAlpha = n > 5000 ? 0.6 : 0.85;
        const groups = new Map();
        for (let i = 0; i < n; i++) {
          const of = colours.of(i);
          if (!groups.has(of)) groups.set(of, []);
          groups.get(of).push(i);
        }
        for (const [fill, members] of groups) {
          context.fillStyle = fill;
          context.beginPath();
          for (const i of members) {
            const [x, y] = placed[i];
            context.moveTo(x + radius, y);
            context.arc(x, y, radius, 0, 7);
          }
          context.fill();
        }
        context.globalAlpha = 1;
        if (chosen >= 0) {
          context.strokeStyle = colour("text");
          context.lineWidth = 2;
          context.beginPath();
          context.arc(...placed[chosen], radius + 4, 0, 7);
          context.stroke();
        }
      },
    );

    function at(event) {
      let best = -1,
        nearest = REACH * REACH;
      for (let i = 0; i < placed.length; i++) {
        const away = (placed[i][0] - event.offsetX) ** 2 + (placed[i][1] - event.offsetY) ** 2;
        if (away < nearest) {
          nearest = away;
          best = i;
        }
      }
      return best;
    }

    const describe = (i) =>
      `${about.name(points.number[i])}, row ${points.row[i]}, ${span(points.start_s[i], points.end_s[i])}${points.classes?.[i] ? `; ${points.classes[i]}` : ""}`;
    const openAt = (i) => open(points.number[i], points.row[i]);

    function pick(i) {
      if (i === chosen) return;
      chosen = i;
      picture2d.redraw();
    }

    async function hovered(event) {
      const i = at(event),
        where = { clientX: event.clientX, clientY: event.clientY };
      const isNew = i !== chosen;
      pick(i);
      if (i < 0) return tip(event);
      if (!isNew) return undefined;
      tip(where, el("span", {}, describe(i)));
      const image = about.hasMedia ? await picture(points.number[i], points.start_s[i], "") : null;
      if (image && chosen === i) tip(where, image, el("span", {}, describe(i)));
      return undefined;
    }

    function keyed(event) {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (step && n) {
        event.preventDefault();
        pick((chosen + step + n) % n);
        announce(describe(chosen));
      }
      if (event.key === "Enter" && chosen >= 0) openAt(chosen);
    }

    const shown = el("div", {}, legend(colours));
    const choices = [
      ["video", "video"],
      ["time", "time in its video"],
      ["cluster", "cluster"],
      ...(points.classes ? [["classes", "top class"]] : []),
      ...about.labels.map((label) => [label, label.slice(5)]),
    ];
    const select = el(
      "select",
      {
        onchange: (event) => {
          colours = colouring(event.target.value, points, about);
          shown.replaceChildren(legend(colours));
          picture2d.redraw();
        },
      },
      ...choices.map(([value, text]) => el("option", { value }, text)),
    );
    return el(
      "div",
      {},
      el("div", { class: "bar" }, el("label", {}, "Colour by", select)),
      el("div", { class: "map" }, picture2d),
      shown,
    );
  }
  return map;
})();
