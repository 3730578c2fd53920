// Small comforts; every page is whole without them.
"use strict";
(() => {
  // The summary of errors is read first.
  const errors = document.querySelector(".vd-errors");
  if (errors) errors.focus();

  // A second press of a button does nothing, and the button says that it is at work.
  for (const form of document.querySelectorAll("form[method=post]")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) { event.preventDefault(); return; }
      form.dataset.sent = "yes";
      const button = event.submitter;
      if (button && button.classList.contains("btn") && form.dataset.sending) {
        button.setAttribute("aria-disabled", "true");
        button.textContent = form.dataset.sending;
      }
    });
  }
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });

  // A ratio shows its result while it is typed, cut to two decimals as the server shows it.
  const count = (text) => (/^[0-9]{1,3}([. ]?[0-9]{3})*$|^[0-9]+$/.test(text.trim()) ? Number(text.replace(/[. ]/g, "")) : NaN);
  for (const ratio of document.querySelectorAll("[data-ratio]")) {
    const [part, whole] = ratio.querySelectorAll("input");
    const out = ratio.querySelector("output");
    const show = () => {
      const a = count(part.value), b = count(whole.value);
      if (!(b > 0) || !(a >= 0)) { out.textContent = ""; return; }
      const [n, d] = [Number(ratio.dataset.num || 0), Number(ratio.dataset.den || 1)];
      const passes = a * d >= n * b;
      let hundredths = Math.floor((a * 20000 + b) / (2 * b));
      if (!passes && hundredths * d >= n * 10000) hundredths = Math.floor((a * 10000) / b);
      out.textContent = "= " + Math.floor(hundredths / 100) + (ratio.dataset.comma || ",") + String(hundredths % 100).padStart(2, "0") + "%";
      out.className = "vd-ratio-v " + (passes ? "c-ok" : "c-bad");
    };
    part.addEventListener("input", show);
    whole.addEventListener("input", show);
    show();
  }

  // Words of a report are counted while they are typed.
  for (const box of document.querySelectorAll("textarea[data-words]")) {
    const out = document.getElementById(box.dataset.words);
    const show = () => { out.textContent = String((box.value.match(/\S+/g) || []).length); };
    box.addEventListener("input", show);
    show();
  }
})();
