"use strict";
// Drawings on one time axis. An axis has `from` and `to` in seconds, which zooming changes, and a `cursor`.
featmill.tracks = (() => {
  const { el, canvas, colour, PALETTE, viridis, bytes, span } = featmill;

  const x = (axis, width) => (time) => ((time - axis.from) / (axis.to - axis.from)) * width;

  // A named canvas. pointed: what happens at a time, when the pointer is there and when it is clicked.
  function track(axis, name, label, height, draw, pointed) {
    const time = (event) => axis.from + (event.offsetX / event.target.clientWidth) * (axis.to - axis.from);
    const picture = canvas(
      {
        "aria-label": label,
        onpointermove: (event) => pointed?.(time(event), event, false),
        onpointerleave: (event) => featmill.tip(event),
        onclick: (event) => pointed?.(time(event), event, true),
      },
      (context, width, tall) => {
        context.clearRect(0, 0, width, tall);
        draw(context, width, tall, x(axis, width));
        const cursor = x(axis, width)(axis.cursor);
        context.fillStyle = colour("mark");
        context.fillRect(cursor - 1, 0, 2, tall);
      },
    );
    picture.style.height = `${height}px`;
    axis.drawn.push(picture);
    return el("div", { class: "track" }, el("span", { class: "name" }, name), picture);
  }

  function ruler(axis, pointed) {
    return track(
      axis,
      "seconds",
      "Time axis",
      22,
      (context, width, height, at) => {
        const raw = (axis.to - axis.from) / Math.max(2, width / 90),
          power = 10 ** Math.floor(Math.log10(raw));
        const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= raw);
        context.fillStyle = colour("quiet");
        context.font = "12px system-ui, sans-serif";
        for (let i = Math.ceil(axis.from / step); i * step <= axis.to; i++) {
          const left = at(i * step),
            text = String(+(i * step).toFixed(6));
          context.fillRect(left, 0, 1, 5);
          context.fillText(text, Math.min(left + 3, width - context.measureText(text).width), 16);
        }
      },
      pointed,
    );
  }

  // The windows of a key: each a bar in the first free line, for windows overlap. A frame lasts until the next.
  function spans(axis, name, key, fill, chosen, pointed) {
    const until = (i) => Math.max(key.end_s[i], key.to_s[i]);
    const ends = [],
      lines = key.start_s.map((start, i) => {
        let line = ends.findIndex((end) => end <= start + 1e-6);
        if (line < 0) line = ends.length < 8 ? ends.length : i % 8;
        ends[line] = Math.max(until(i), start + 1e-6);
        return line;
      });
    const height = 9 * Math.max(1, ends.length) + 2;
    return track(
      axis,
      name,
      `Windows of ${name}: ${key.rows}`,
      height,
      (context, width, tall, at) => {
        key.start_s.forEach((start, i) => {
          const left = at(start),
            right = Math.max(left + 2, at(until(i)));
          context.fillStyle = chosen() === i ? colour("mark") : fill;
          context.fillRect(left, lines[i] * 9 + 1, Math.max(1.5, right - left - 1), 7);
        });
      },
      pointed,
    );
  }

  function curve(axis, name, label, times, series, pointed, bounds) {
    const values = series.flat().filter((value) => value !== null);
    const low = bounds ? bounds[0] : values.reduce((a, b) => Math.min(a, b), 0);
    const high = bounds ? bounds[1] : values.reduce((a, b) => Math.max(a, b), low + 1e-9);
    return track(
      axis,
      name,
      `${label}, ${low.toPrecision(3)} to ${high.toPrecision(3)}`,
      56,
      (context, width, height, at) => {
        const y = (value) => height - 3 - ((value - low) / (high - low)) * (height - 6);
        context.fillStyle = colour("line");
        context.fillRect(0, y(Math.max(low, Math.min(0, high))), width, 1);
        series.forEach((each, s) => {
          context.strokeStyle = series.length > 1 ? PALETTE[s] : colour("accent");
          context.lineWidth = 1.5;
          context.beginPath();
          let isDown = false;
          each.forEach((value, i) => {
            if (value === null) {
              isDown = false;
              return;
            }
            context[isDown ? "lineTo" : "moveTo"](at(times[i]), y(value));
            isDown = true;
          });
          context.stroke();
          if (each.length < 60)
            each.forEach((value, i) => {
              if (value === null) return;
              context.fillStyle = context.strokeStyle;
              context.fillRect(at(times[i]) - 1.5, y(value) - 1.5, 3, 3);
            });
        });
        context.fillStyle = colour("quiet");
        context.font = "10px system-ui, sans-serif";
        context.fillText(high.toPrecision(3), 2, 10);
      },
      pointed,
    );
  }

  // bytes [rows][columns] as colours, in an image that drawing stretches
  function image(values, columns, rows) {
    const picture = new OffscreenCanvas(columns, rows),
      context = picture.getContext("2d");
    const pixels = context.createImageData(columns, rows);
    values.forEach((value, i) => pixels.data.set([...viridis(value / 255), 255], i * 4));
    context.putImageData(pixels, 0, 0);
    return picture;
  }

  function matrix(axis, name, key, pointed) {
    const { n, low, values } = key.similarity;
    if (!n) return null;
    const picture = image(bytes(values), n, n);
    const first = (column) => Math.floor((column * key.from_s.length) / n); // of its rows
    return track(
      axis,
      name,
      `Cosine of each pair of rows, ${low} dark to 1 bright`,
      220,
      (context, width, height, at) => {
        context.imageSmoothingEnabled = false;
        for (let column = 0; column < n; column++) {
          const left = Math.round(at(key.from_s[first(column)])),
            right = Math.round(at(key.to_s[first(column + 1) - 1]));
          context.drawImage(picture, column, 0, 1, n, left, 0, Math.max(1, right - left), height);
        }
      },
      pointed,
    );
  }

  function spectrogram(axis, sound) {
    const values = bytes(sound.spectrogram),
      columns = values.length / sound.bands;
    const turned = new Uint8Array(values.length);
    for (let c = 0; c < columns; c++)
      for (let b = 0; b < sound.bands; b++) turned[(sound.bands - 1 - b) * columns + c] = values[c * sound.bands + b];
    const picture = image(turned, columns, sound.bands);
    return track(
      axis,
      `spectrogram, 0 to ${sound.top_hz} Hz`,
      "Spectrogram of the sound",
      90,
      (context, width, height, at) => {
        const from = at(sound.start_s);
        context.drawImage(picture, from, 0, at(sound.start_s + sound.length_s) - from, height);
      },
    );
  }

  // sourceAt: gives the address of the picture at a time, null for none
  function filmstrip(axis, name, label, sourceAt, pointed) {
    const images = new Map();
    const WIDTH = 96;
    return track(
      axis,
      name,
      label,
      58,
      (context, width, height, at) => {
        for (let left = 0; left < width; left += WIDTH) {
          const time = axis.from + ((left + WIDTH / 2) / width) * (axis.to - axis.from);
          sourceAt(time)
            .then((source) => {
              if (!source) return;
              if (!images.has(source)) {
                const fresh = new Image();
                fresh.onload = () => axis.redraw();
                fresh.src = source;
                images.set(source, fresh);
              }
              const found = images.get(source);
              if (!found.complete || !found.naturalWidth) return;
              const wide = Math.min(WIDTH - 2, (height * found.naturalWidth) / found.naturalHeight);
              context.drawImage(found, left, 0, wide, (wide * found.naturalHeight) / found.naturalWidth);
              const cursor = at(axis.cursor);
              if (cursor >= left && cursor <= left + WIDTH) {
                context.fillStyle = colour("mark");
                context.fillRect(cursor - 1, 0, 2, height);
              }
            })
            .catch(() => null);
        }
      },
      pointed,
    );
  }

  // Classes as lanes: the brighter, the higher the score.
  function classes(axis, title, label, found, pointed) {
    const LANE = 16;
    const values = found.shares.flat().filter((value) => value !== null);
    const low = found.what === "cosine" ? values.reduce((a, b) => Math.min(a, b), Infinity) : 0;
    const high = values.reduce((a, b) => Math.max(a, b), low + 1e-6);
    const element = track(
      axis,
      "",
      label,
      LANE * found.lanes.length,
      (context, width, height, at) => {
        found.shares.forEach((lane, i) =>
          lane.forEach((value, w) => {
            if (value === null) return;
            const left = at(found.from_s[w]),
              right = Math.max(left + 1.5, at(found.to_s[w]));
            context.fillStyle = `rgb(${viridis((value - low) / (high - low))})`;
            context.fillRect(left, i * LANE + 1, right - left, LANE - 2);
          }),
        );
      },
      pointed,
    );
    const names = found.lanes.map((name) => el("li", { title: name }, name));
    element.firstChild.append(el("ul", { class: "lanes" }, ...names));
    return el("div", { class: "above" }, el("span", { class: "name" }, title), element);
  }

  // The best classes of the window around a time, as text.
  function best(found, time, most) {
    const i = rowAt(found, time);
    if (i < 0) return "";
    const named = found.best[i]
      .slice(0, most)
      .map((name, place) => `${found.names[name]} ${found.scores[i][place] ?? "?"}`);
    return `${found.what === "cosine" ? "label by cosine" : "class by probability"}: ${named.join(", ")}`;
  }

  function axisOf(length) {
    const axis = { length, from: 0, to: Math.max(length, 1e-3), cursor: 0, drawn: [] };
    let isDue = false;
    axis.redraw = () => {
      if (isDue) return;
      isDue = true;
      requestAnimationFrame(() => {
        isDue = false;
        axis.drawn.forEach((each) => each.redraw());
      });
    };
    axis.zoom = (factor) => {
      const span = Math.min(axis.length, Math.max(0.05, (axis.to - axis.from) * factor));
      const from = Math.max(0, Math.min(axis.length - span, axis.cursor - span / 2));
      [axis.from, axis.to] = [from, from + span];
      axis.redraw();
    };
    return axis;
  }

  // The row that is drawn at a time, else the nearest.
  function rowAt(key, time) {
    let best = -1,
      nearest = Infinity;
    key.from_s.forEach((from, i) => {
      const away = time < from ? from - time : time < key.to_s[i] ? 0 : time - key.to_s[i] + 1e-9;
      if (away < nearest) {
        nearest = away;
        best = i;
      }
    });
    return best;
  }

  // Where values of each row are drawn: in the middle of its own place on the axis.
  const middles = (key) => key.from_s.map((from, i) => (from + key.to_s[i]) / 2);

  const describe = (name, key, i) => `${name} row ${i * key.step}, ${span(key.start_s[i], key.end_s[i])}`;

  return { axisOf, ruler, spans, curve, matrix, spectrogram, filmstrip, classes, best, rowAt, middles, describe };
})();
