"use strict";
// Grading by keyboard. Without this file the form works all the same: Tab, arrow keys and Enter.
(() => {
  const form = document.getElementById("grade");
  if (!form) return;
  const questions = [...form.querySelectorAll("fieldset.question")];
  form.querySelector(".keys").hidden = false;

  const go = (place) => {
    const options = questions[place] && [...questions[place].querySelectorAll("input[type=radio]")];
    if (!options) return form.querySelector("button").focus();
    (options.find((one) => one.checked) || options[0]).focus();
    questions[place].scrollIntoView({ block: "nearest" });
  };

  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.ctrlKey) {
      event.preventDefault();
      form.requestSubmit(form.querySelector("button"));
      return;
    }
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("textarea")) return;
    const place = questions.findIndex((one) => one.contains(event.target));
    const key = event.key.toLowerCase();
    if (key === "j") go(place + 1);
    else if (key === "k") go(Math.max(place - 1, 0));
    else if (/^[1-9]$/.test(key) && place >= 0) {
      const option = questions[place].querySelectorAll("input[type=radio]")[Number(key) - 1];
      if (!option) return;
      option.checked = true;
      go(place + 1);
    } else return;
    event.preventDefault();
  });

  // What is entered and not sent must not be lost by a slip.
  let sent = false;
  let touched = false;
  form.addEventListener("input", () => { touched = true; });
  form.addEventListener("keydown", (event) => { if (/^[1-9]$/.test(event.key)) touched = true; });
  form.addEventListener("submit", () => { sent = true; });
  window.addEventListener("beforeunload", (event) => { if (touched && !sent) event.preventDefault(); });
})();
