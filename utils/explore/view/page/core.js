"use strict";
// What all views share: data by name, elements, colours, times. A classic script: pages on disk may load no modules.
window.featmill = (() => {
  const root = document.documentElement;
  const isStatic = root.hasAttribute("data-static");
  const waiting = new Map();

  function viaScript(name) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      waiting.set(name, resolve);
      script.onerror = () => reject(new Error(`${name}: not in this export`));
      script.src = `data/${name}.js`;
      document.head.append(script);
    });
  }

  async function viaServer(name) {
    const reply = await fetch(`data/${name}.json`);
    const content = reply.headers.get("Content-Type") === "application/json" ? await reply.json() : {};
    if (!reply.ok) throw new Error(content.error || `${name}: ${reply.status} ${reply.statusText}`);
    return content;
  }

  const get = (name) => (isStatic ? viaScript(name) : viaServer(name));

  function arrived(name, content) {
    waiting.get(name)?.(content);
  }

  // What moves or hides other characters of a name: control characters, marks of the writing direction
  const UNSEEN = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
  const READ = ["alt", "aria-label", "title"];

  const visible = (text) =>
    typeof text === "string"
      ? text.replace(UNSEEN, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`)
      : text;

  // Text is set as text alone, so that a name which looks like HTML stays a name.
  function el(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined && value !== false)
        element.setAttribute(name, READ.includes(name) ? visible(value) : value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined).map(visible));
    return element;
  }

  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  // Okabe and Ito's palette, which is told apart with any kind of colour vision; its yellow is darker here
  const PALETTE = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a800", "#8c8c8c"];
  const VIRIDIS = [
    "440154",
    "482878",
    "3e4989",
    "31688e",
    "26828e",
    "1f9e89",
    "35b779",
    "6ece58",
    "b5de2b",
    "fde725",
  ].map((hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16)));

  function viridis(share) {
    const place = Math.min(1, Math.max(0, share || 0)) * (VIRIDIS.length - 1);
    const i = Math.min(VIRIDIS.length - 2, Math.floor(place));
    return VIRIDIS[i].map((low, c) => Math.round(low + (VIRIDIS[i + 1][c] - low) * (place - i)));
  }

  const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

  function seconds(time) {
    if (time === null || time === undefined || !isFinite(time)) return "?";
    const whole = Math.floor(time / 60);
    const rest = (time - 60 * whole).toFixed(2).padStart(5, "0");
    return time < 60
      ? `${time.toFixed(2)} s`
      : `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}:${rest}`;
  }

  const number = (value) => (value ?? 0).toLocaleString("en");
  const counted = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

  const span = (start, end) => (end > start ? `${seconds(start)} to ${seconds(end)}` : seconds(start)); // or a frame

  const UNITS = [
    [86400, "day"],
    [3600, "hour"],
    [60, "minute"],
    [1, "second"],
  ];

  function duration(time) {
    const [size, unit] = UNITS.find(([each]) => time >= 2 * each) || UNITS[3];
    return counted(+(time / size).toPrecision(3), unit);
  }

  function announce(text) {
    document.getElementById("announce").textContent = text;
  }

  function tip(event, ...children) {
    const box = document.getElementById("tip");
    box.hidden = children.length === 0;
    if (box.hidden) return;
    box.replaceChildren(...children);
    const width = box.offsetWidth,
      height = box.offsetHeight;
    box.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 8))}px`;
    box.style.top = `${Math.max(4, Math.min(event.clientY + 14, innerHeight - height - 8))}px`;
  }

  // A canvas as sharp as the screen, drawn again when its size or the theme changes.
  function canvas(attributes, draw) {
    const element = el("canvas", { role: "img", ...attributes });
    const redraw = () => {
      const width = element.clientWidth,
        height = element.clientHeight;
      if (!width || !height) return;
      const scale = devicePixelRatio || 1;
      element.width = Math.round(width * scale);
      element.height = Math.round(height * scale);
      const context = element.getContext("2d");
      context.scale(scale, scale);
      draw(context, width, height);
    };
    new ResizeObserver(redraw).observe(element);
    element.redraw = redraw;
    return element;
  }

  const documents = new Map();
  const kept = (name) => {
    if (!documents.has(name)) documents.set(name, get(name));
    return documents.get(name);
  };
  const video = (id) => kept(`video-${id}`);

  // The address of the picture that a video shows at a time, null without one.
  async function thumb(id, time) {
    const times = (await kept(`pictures-${id}`)).thumbs_ms;
    if (!times.length) return null;
    let best = times[0];
    for (const each of times) if (each <= time * 1000 + 1) best = each;
    return `media/${id}/${best}.jpg`;
  }

  // The address of the picture at just this time: an export has only some, evenly spaced ones and those of a search.
  async function moment(id, time) {
    const source = await thumb(id, time);
    return source && !isStatic ? `media/${id}/${Math.max(0, Math.floor(time * 1000))}.jpg` : source;
  }

  async function picture(id, time, alt) {
    const source = await moment(id, time).catch(() => null);
    return source && el("img", { src: source, alt, loading: "lazy" });
  }

  const forget = () => documents.clear();
  return {
    isStatic,
    get,
    arrived,
    el,
    colour,
    PALETTE,
    viridis,
    bytes,
    seconds,
    span,
    duration,
    number,
    counted,
    announce,
    tip,
    canvas,
    video,
    picture,
    thumb,
    moment,
    forget,
    views: {},
  };
})();
