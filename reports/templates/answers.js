"use strict";
// Tasks that are answered in words: the picture, the question, the reply, and what was read out of it.
// Strings from runs become text nodes and nothing else.
const answering = (h, bdi, frame, none) => {
  /** An answer as people read it: a letter with what it stands for. */
  const spelt = (sample, answer) => {
    const choice = answer.length === 1 ? sample.choices[answer.charCodeAt(0) - 65] : undefined;
    return choice === undefined ? answer : `${answer} (${choice})`;
  };
  const mark = (entry) => entry.right === undefined ? null
    : h("span", { class: "badge " + (entry.right ? "ok" : "bad") }, entry.right ? "right" : "wrong");
  const read = (entry, sample) => entry.said === undefined ? null
    : entry.said ? bdi(spelt(sample, entry.said), "str") : h("em", {}, "no single answer");
  /** Expected and read, side by side; nothing for samples without an exact answer. */
  const compared = (entry, sample) => {
    if (!sample.answer) return null;
    const found = read(entry, sample);
    return h("p", { class: "read" },
      h("span", {}, h("i", {}, "expected"), " ", bdi(spelt(sample, sample.answer), "str")),
      found ? h("span", {}, h("i", {}, "read"), " ", found) : null, mark(entry));
  };
  const reply = (entry) => entry.text === null ? null
    : entry.text ? h("pre", { class: "reply", dir: "auto" }, entry.text) : h("p", { class: "read" }, "The reply is empty.");
  const seen = (sample, act) => h("div", { class: "seen" }, sample.in.map((n, i) =>
    frame(n, sample.in.length > 1 ? `Picture ${i + 1} of ${sample.in.length}` : "Picture of the question", none, act)));
  /** What a card and the dialog say of a reply. */
  const said = (entry, sample) => [
    entry.fault ? h("p", { class: "read" }, bdi(entry.fault)) : null, reply(entry), compared(entry, sample)];
  /** The answers of all models to one question; a click shows that model's. */
  const others = (entries, entry, sample, nameOf, show) => h("div", { class: "answers" }, entries.map((e) =>
    h("button", { class: "plain" + (e === entry ? " on" : ""), type: "button", on: { click: () => show(e) } },
      bdi(nameOf(e), "name"), h("span", {}, e.status === "ok" ? read(e, sample) : e.status), mark(e))));
  return { seen, said, others };
};
