// Tells of the trace that is pointed at, and makes the ring around its dot a link to its page.
// What traces say is put in as text, never as markup.

const REST = 80; // Milliseconds of rest before a trace is asked for.

// What could turn the text around, or hide some of it, goes. Without their joiners, families of
// emoji and words of some languages would fall to pieces.
const plain = (text) => text.slice(0, 1000).replace(/(?:(?![\u200c\u200d])\p{C}|\s)+/gu, " ").trim();

export class Tip {
  #timer = 0;

  // With what the URLs of points begin with.
  constructor(tip, link, { point }) {
    Object.assign(this, { tip, link, point });
    link.addEventListener("click", () => (this.isWanted = !link.href));
  }

  show(number, group, at) {
    this.hide();
    this.link.hidden = false;
    this.#fill({ group }, at);
    const timer = (this.#timer = setTimeout(async () => {
      const answer = await fetch(this.point + number, { cache: "force-cache" }).catch(() => null);
      const trace = answer?.ok ? await answer.json() : { opening: "This trace could not be read." };
      if (timer !== this.#timer) return;
      // Where there is no better title it is the opening's beginning.
      if (trace.opening?.includes(trace.title?.replace(/…$/, ""))) trace.title = "";
      this.#fill({ ...trace, group }, at);
      if (trace.url) this.link.href = trace.url;
      // It was clicked before it was known where it leads.
      if (this.isWanted) this.link.click();
    }, REST));
  }

  hide() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.tip.hidden = this.link.hidden = true;
    this.link.removeAttribute("href");
    this.isWanted = false;
  }

  #fill(trace, [across, down]) {
    const { tip } = this, { clientWidth, clientHeight } = tip.parentElement;
    for (const row of tip.querySelectorAll("[data-tip]")) row.textContent = plain(trace[row.dataset.tip] ?? "");
    tip.hidden = false;
    const left = Math.min(across + 14, clientWidth - tip.offsetWidth - 6);
    const isRoom = down + 18 + tip.offsetHeight < clientHeight;
    const top = isRoom ? down + 18 : down - tip.offsetHeight - 14;
    tip.style.translate = `${Math.max(left, 6)}px ${Math.max(top, 6)}px`;
  }
}
