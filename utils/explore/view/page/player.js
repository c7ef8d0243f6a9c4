"use strict";
// A video's own picture: the browser's player, or single pictures where it cannot play the file.
featmill.player = (() => {
  const { el, thumb } = featmill;

  function player(id, about, axis) {
    let until = Infinity,
      video = null;
    const still = el("img", { alt: "Picture of the video at the cursor", hidden: true });
    const note = el("p", { class: "quiet" });
    const host = el("div", { class: "player" });

    async function show(time) {
      const source = await thumb(id, time).catch(() => null);
      still.hidden = !source;
      if (source) still.src = source;
    }

    function fall(text) {
      video = null;
      host.replaceChildren(still, note);
      note.textContent = text;
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
      video.addEventListener("error", () => fall("This browser does not play the file; pictures of it stand in."));
      video.addEventListener("loadedmetadata", () => {
        if (!video.videoWidth && about.thumbs_ms.length)
          fall("This browser plays no picture of the file; pictures of it stand in.");
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
      fall(
        about.thumbs_ms.length
          ? ""
          : about.is_found || featmill.isStatic
            ? "The video has no pictures that can be shown."
            : "The video is not in the folder of --videos.",
      );
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
