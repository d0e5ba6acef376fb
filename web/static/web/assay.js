// Comfort only: every page works without this file. Copy buttons, local times, polite announcements.
(() => {
  "use strict";
  const zone = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

  function localise(root) {
    for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
      time.title = zone.format(new Date(time.dateTime)) + " your time";
    }
    for (const button of root.querySelectorAll("button[data-copy][hidden]")) {
      button.hidden = false;
    }
  }

  async function copy(button) {
    await navigator.clipboard.writeText(button.dataset.copy);
    const word = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = word; }, 1500);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-copy]");
    if (button) copy(button);
  });
  document.addEventListener("htmx:after:swap", () => localise(document));
  localise(document);
})();
