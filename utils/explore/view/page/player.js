"use strict";
// A video's own picture: the browser's player, or single pictures where it cannot play the file.
featmill.player = (() => {
  const { el, moment } = featmill;

  function player(id, about, axis) {
    let until = Infinity,
      why = "",
      video = null;
    const still = el("img", { alt: "Picture of the video at the cursor", hidden: true });
    const note = el("p", { class: "quiet" });
    const host = el("div", { class: "player" });

    // Of a damaged file some pictures are there.
    function tell(isShown) {
      still.hidden = !isShown;
      const not = about.thumbs_ms.length
        ? "the picture at this time cannot be decoded"
        : "no picture of it can be shown";
      const what = isShown ? (why ? "pictures of it stand in" : "") : not;
      const isAbsent = !about.is_found && !featmill.isStatic;
      const text = isAbsent ? why : [why, what].filter(Boolean).join("; ");
      note.textContent = text && `${text[0].toUpperCase()}${text.slice(1)}.`;
    }
    still.addEventListener("load", () => tell(true));
    still.addEventListener("error", () => tell(false));

    async function show(time) {
      const source = await moment(id, time).catch(() => null);
      if (!source) tell(false);
      else if (still.getAttribute("src") !== source) still.src = source;
    }

    function fall(text) {
      why = text;
      video = null;
      host.replaceChildren(still, note);
      show(axis.cursor);
    }

    if (about.player) {
      video = el("video", {
        src: about.player,
        controls: "",
        muted: "",
        preload: "metadata",
        "aria-label": about.name,
      });
      video.addEventListener("error", () => fall("this browser does not play the file"));
      video.addEventListener("loadedmetadata", () => {
        if (!video.videoWidth && about.thumbs_ms.length) fall("this browser plays no picture of the file");
      });
      video.addEventListener("timeupdate", () => {
        if (!video) return;
        if (video.currentTime >= until) {
          video.pause();
          until = Infinity;
        }
        axis.cursor = video.currentTime;
        axis.redraw();
      });
      host.append(video);
    } else {
      fall(about.is_found || featmill.isStatic ? "" : "the video is not in the folder of --videos");
    }

    return {
      element: host,
      seek(time) {
        axis.cursor = time;
        if (video) video.currentTime = time;
        else show(time);
        axis.redraw();
      },
      play(start, end) {
        this.seek(start);
        if (!video || end - start < 0.05) return; // a single frame
        until = end;
        video.play().catch(() => null);
      },
      toggle() {
        if (video) {
          until = Infinity;
          if (video.paused) video.play().catch(() => null);
          else video.pause();
        }
      },
    };
  }
  return player;
})();
