"use strict";
// What judges said of one prediction. Strings from runs become text nodes and nothing else.
const judging = (h, bdi, judges) => {
  const written = (score) => (score === null || score === undefined ? "—" : String(score));
  const fitsVerdict = (entry, wanted) => (entry.judged || []).some((j) =>
    wanted === "failed" ? j.failed !== undefined : (j.apart || []).some(Boolean));
  const failed = (status) => h("span", { class: "badge bad" }, status);

  const head = (j, by) => h("summary", {},
    by.rules ? h("span", { class: "badge warn" }, "measured by rules, no MLLM") : bdi(by.judge || by.metric, "who"),
    j.failed === undefined
      ? h("span", { class: "marks" }, by.names.map((name, i) => h("span", {}, name + " ", h("b", {}, written(j.scores[i])))))
      : failed(j.failed),
    (j.apart || []).some(Boolean) ? h("span", { class: "badge warn" }, "judges disagree") : null);

  const origin = (by) => h("p", { class: "sub" },
    by.judge ? ["by ", bdi(by.rules ? by.served || by.judge : by.judge)] : null,
    by.served && !by.rules ? [", served as ", bdi(by.served)] : null,
    by.prompt ? [" · prompt ", bdi(by.prompt)] : null,
    by.rubric ? [" · rubric ", bdi(by.rubric)] : null);

  /** One row per dimension: its score and why; of several verdicts also what each gave. */
  const table = (j, by) => {
    if (!by.names.length) return null;
    const each = j.each || [];
    const reason = (i) => (j.reasons[i] ? h("td", { class: "why", colSpan: each.length + 1 }, bdi(j.reasons[i])) : null);
    const one = (said, i) => (Array.isArray(said) ? h("span", {}, written(said[i])) : h("span", { class: "gone", title: said }, "✕"));
    return h("table", {},
      each.length ? h("thead", {}, h("tr", {}, h("th", {}), h("th", { class: "num" }, "score"),
        each.map(([judge]) => h("th", { title: judge }, bdi(judge, "who"))))) : null,
      h("tbody", {}, by.names.map((name, i) => [
        h("tr", { class: j.apart && j.apart[i] ? "apart" : false },
          h("th", { scope: "row" }, bdi(name)), h("td", { class: "num" }, h("b", {}, written(j.scores[i]))),
          each.map(([, said]) => h("td", { class: "each" }, said.map((v) => one(v, i)))), each.length ? null : reason(i)),
        each.length && reason(i) ? h("tr", {}, h("td", {}), reason(i)) : null]).flat()
        .filter(Boolean)));
  };

  /** How verdicts of a panel ended, where some have no scores. */
  const endings = (j) => (j.each || []).map(([judge, said]) => {
    const counts = new Map();
    said.filter((v) => !Array.isArray(v)).forEach((v) => counts.set(v, (counts.get(v) || 0) + 1));
    return counts.size ? h("p", {}, bdi(judge), " ", [...counts].map(([status, n]) =>
      failed(`${status}: ${n} of ${said.length}`))) : null;
  });

  const verdicts = (entry, open) => (entry.judged || []).map((j) => {
    const by = judges[j.by];
    const box = h("details", { class: "judged", open }, head(j, by));
    const fill = () => {
      if (!box.open || box.children.length > 1) return;
      box.append(...[origin(by), j.reason ? h("p", {}, bdi(j.reason)) : null, ...endings(j), table(j, by),
        j.reply ? h("p", { class: "sub" }, "reply as received") : null,
        j.reply ? h("pre", { dir: "auto" }, j.reply) : null].filter(Boolean));
    };
    box.addEventListener("toggle", fill);
    fill();
    return box;
  });
  return { fitsVerdict, verdicts };
};
