"use strict";
(() => {
  const film = document.querySelector("video");
  const tracks = document.querySelector(".tracks");
  const now = document.querySelector(".now");
  const frames = Number(document.body.dataset.frames);
  const rate = Number(document.body.dataset.over) / Number(document.body.dataset.under);
  const shots = [...document.querySelectorAll("article.shot")];
  const first = shots.map((shot) => Number(shot.dataset.first));
  let current = -1;
  let frame = 0;
  let wanted = null;
  let asked = null;

  for (const same of document.querySelectorAll("img[data-same]")) {
    same.src = document.getElementById(same.dataset.same).src;
  }

  function mark(number, set) {
    for (const part of [shots[number], ...document.querySelectorAll(`.shots [data-go="${number}"], .dot[data-go="${number}"]`)]) {
      if (set) part.setAttribute("aria-current", "true");
      else part.removeAttribute("aria-current");
    }
  }

  function show(to) {
    frame = Math.max(0, Math.min(frames - 1, to));
    tracks.style.setProperty("--at", String(frame / frames));
    let number = first.findLastIndex((begins) => begins <= frame);
    if (number < 0) number = 0;
    if (number === current) return;
    if (current >= 0) mark(current, false);
    current = number;
    mark(current, true);
    for (const part of ["name", "prompt", "told"]) {
      now.querySelector(`[data-part=${part}]`).textContent = shots[current].querySelector(`[data-part=${part}]`).textContent;
    }
  }

  // One seek at a time: keys may come faster than the player moves, and the page shows where they lead.
  function seek(to) {
    show(to);
    wanted = (frame + 0.5) / rate;
    if (!film.seeking) go();
  }

  function go() {
    asked = wanted;
    film.currentTime = wanted;
  }

  function arrive() {
    if (wanted !== null && wanted !== asked) {
      go();
    } else {
      wanted = null;
      show(Math.floor(film.currentTime * rate + 1e-6));
    }
  }

  function follow() {
    if (wanted === null) show(Math.floor(film.currentTime * rate + 1e-6));
    if (!film.paused) requestAnimationFrame(follow);
  }

  film.addEventListener("play", follow);
  film.addEventListener("seeked", arrive);
  tracks.addEventListener("click", (event) => {
    if (event.target.closest("[data-seek]")) return;
    const box = tracks.getBoundingClientRect();
    seek(Math.floor(((event.clientX - box.left) / box.width) * frames));
  });
  document.addEventListener("click", (event) => {
    const to = event.target.closest("[data-seek]");
    if (to) seek(Number(to.dataset.seek));
    const shot = event.target.closest("[data-go]");
    if (shot) seek(first[Number(shot.dataset.go)]);
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = {
      " ": () => (film.paused ? film.play().catch(() => {}) : film.pause()),
      ArrowRight: () => seek(first[Math.min(shots.length - 1, current + 1)]),
      ArrowLeft: () => seek(first[Math.max(0, current - 1)]),
      Home: () => seek(0),
      End: () => seek(first[shots.length - 1]),
    };
    if (!(event.key in moves)) return;
    event.preventDefault();
    moves[event.key]();
  }, true);
  document.addEventListener("keyup", (event) => {
    if (event.key === " ") event.preventDefault(); // or a button with the focus would be pressed too
  }, true);
  show(0);
})();
