"use strict";
// Which view is shown, light and dark, and following a run that goes on.
(() => {
  const { el, get, views, isStatic, forget } = featmill;
  const main = document.getElementById("main");
  const POLL_MS = 4000;
  let collection = null,
    turn = 0,
    update = null;

  async function route() {
    const mine = ++turn;
    update = null;
    const [, view, id, row] = location.hash.split("/");
    featmill.tip({});
    try {
      collection ||= await get("collection");
      document.getElementById("place").textContent = collection.place;
      if (mine !== turn) return;
      if (view === "video" && /^\d+$/.test(id || "")) {
        if (!collection.videos.number.includes(+id)) throw new Error("There is no such video.");
        await views.video(main, collection, +id, row || "0", () => mine === turn);
      } else if (view === "found" && collection.found) await views.found(main, () => mine === turn);
      else update = views.collection(main, collection);
      if (mine !== turn) return;
    } catch (error) {
      if (mine !== turn) return;
      main.replaceChildren(
        el("p", {}, el("a", { href: "#/" }, "← all videos")),
        el("p", { class: "bad" }, error.message),
      );
    }
    const heading = main.querySelector("h1");
    document.title = heading ? `${heading.textContent} – Featmill` : "Featmill";
    if (mine > 1) heading?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  async function follow() {
    let wait = POLL_MS;
    try {
      const { version } = await get("state");
      if (collection && version !== collection.version) {
        const start = performance.now();
        collection = await get("collection");
        forget();
        wait = Math.max(wait, 10 * (performance.now() - start));
        update?.(collection);
      }
    } catch {
      /* the server has ended */
    }
    setTimeout(follow, wait);
  }

  function setTheme(theme) {
    document.documentElement.dataset.theme = theme;
    document.getElementById("theme").textContent = theme === "dark" ? "Light" : "Dark";
    document.querySelectorAll("canvas").forEach((each) => each.redraw?.());
  }

  const dark = matchMedia("(prefers-color-scheme: dark)");
  setTheme(dark.matches ? "dark" : "light");
  dark.addEventListener("change", () => setTheme(dark.matches ? "dark" : "light"));
  document
    .getElementById("theme")
    .addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
  });
  addEventListener("hashchange", route);
  route();
  if (!isStatic) setTimeout(follow, POLL_MS);
})();
