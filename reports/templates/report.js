"use strict";
// No library, no network. Strings from runs reach the page only as text nodes and properties,
// never as markup; styles are set through the object model, since the policy forbids attributes.
(() => {
  const PAGE = 12;
  const $ = (where, what) => where.querySelector(what);
  const $$ = (where, what) => Array.from(where.querySelectorAll(what));
  const parse = (node) => JSON.parse(node.textContent);
  const IMAGES = parse($(document, "#images"));

  /** An element: properties, data and children; strings become text. */
  const h = (tag, props, ...children) => {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(props || {})) {
      if (value === undefined || value === null || value === false) continue;
      if (key === "class") node.className = value;
      else if (key === "on") for (const [name, act] of Object.entries(value)) node.addEventListener(name, act);
      else if (key.includes("-") || key === "for") node.setAttribute(key, value);
      else node[key] = value;
    }
    node.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
    return node;
  };
  const bdi = (text, cls) => h("bdi", { class: cls || false }, String(text));
  const minus = (text) => text.replace("-", "−");
  const show = (value, column) =>
    value === null || value === undefined ? "—" : minus(value.toFixed(column.digits));

  // --- tables ---------------------------------------------------------------------------------
  const sortable = (table) => {
    const body = $(table, "tbody");
    $$(table, "th button").forEach((button) => {
      button.addEventListener("click", () => {
        const th = button.closest("th");
        const at = Number(button.dataset.at);
        const down = th.getAttribute("aria-sort") !== "descending";
        $$(table, "th[aria-sort]").forEach((t) => t.removeAttribute("aria-sort"));
        th.setAttribute("aria-sort", down ? "descending" : "ascending");
        const value = (row) => {
          const raw = row.children[at].dataset.v;
          return raw === undefined || raw === "" ? null : Number.isNaN(Number(raw)) ? raw : Number(raw);
        };
        $$(body, "tr").map((row, i) => [row, value(row), i]).sort((a, b) => {
          if (a[1] === null || b[1] === null) return (a[1] === null) - (b[1] === null) || a[2] - b[2];
          const order = a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0;
          return (down ? -order : order) || a[2] - b[2];
        }).forEach(([row]) => body.append(row));
      });
    });
  };

  const profiles = (section) => {
    $$(section, ".profiles button").forEach((button) => button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(on));
      $(section, ".metrics").classList.toggle("hide-" + button.dataset.profile, !on);
    }));
  };

  const groupTabs = (section) => {
    const box = $(section, ".metrics");
    const kept = new Map();
    const tabs = $$(section, ".group-tabs button");
    tabs.forEach((button) => button.addEventListener("click", () => {
      const old = tabs.find((t) => t.getAttribute("aria-pressed") === "true");
      if (old === button) return;
      kept.set(old.dataset.group, $(box, "table"));
      old.setAttribute("aria-pressed", "false");
      button.setAttribute("aria-pressed", "true");
      const name = button.dataset.group;
      const template = $$(section, "template.group-table").find((t) => t.dataset.group === name);
      box.replaceChildren(kept.get(name) || template.content.firstElementChild);
    }));
  };

  // --- heat map -------------------------------------------------------------------------------
  const heat = (map, data, go) => {
    const select = $(map, ".heat-column");
    const draw = () => {
      const cells = data.maps[map.dataset.map][select.value];
      $$(map, ".cell").forEach((button) => {
        const [text, shade, tip, few] = cells[Number(button.dataset.row)][Number(button.dataset.model)];
        button.replaceChildren(text, ...(few ? [h("small", {}, few)] : []));
        button.className = "cell s" + shade + (few ? " few" : "");
        button.title = tip;
      });
      const column = [...data.variants, ...data.columns].find((c) => c.key === select.value);
      $(map, ".heat-doc").textContent = column.doc + " " + column.reading;
    };
    select.addEventListener("change", draw);
    $$(map, ".cell").forEach((button) => button.addEventListener("click", () => {
      const { model, path, stratum } = button.dataset;
      // A variant has no value of a single sample to sort by.
      const sort = data.columns.some((c) => c.key === select.value) ? select.value : "";
      go({ model, group: path, stratum, sort, page: 0 });
    }));
  };

  // --- pictures -------------------------------------------------------------------------------
  const SVG = "http://www.w3.org/2000/svg";
  const placeholder = (text) => {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 34 28");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", "M2 4h30v20H2zM2 20l8-8 7 7 5-5 10 9M4 2l26 24");
    svg.append(path);
    return h("span", { class: "void" }, svg, text);
  };
  const picture = (number, alt) => h("img", { src: IMAGES[number], alt, decoding: "async", draggable: false });
  const has = (number) => number !== undefined && number !== null && number >= 0;
  const NONE = JSON.parse($(document, "#images").dataset.none);
  const frame = (number, alt, why, act) => {
    const inside = has(number) ? picture(number, alt) : placeholder(why);
    return act ? h("button", { class: "frame", type: "button", title: alt, on: { click: act } }, inside)
      : h("span", { class: "frame" }, inside);
  };
  /** The difference of two pictures, amplified: made by the browser from the copies already here. */
  const difference = (a, b, alt) => {
    if (!has(a) || !has(b)) return h("span", { class: "frame" }, placeholder("needs both images"));
    const base = picture(a, alt);
    const over = picture(b, "");
    const box = h("span", { class: "frame diff", role: "img", title: alt, "aria-label": alt }, base, over);
    base.addEventListener("load", () => {
      const ratio = base.naturalWidth / base.naturalHeight;
      const wide = Math.min(1, ratio) * 100, high = Math.min(1, 1 / ratio) * 100;
      for (const image of [base, over]) {
        image.style.inset = `${(100 - high) / 2}% ${(100 - wide) / 2}%`;
        image.style.width = wide + "%";
        image.style.height = high + "%";
      }
    });
    return box;
  };
  const pane = (title, inside) => h("figure", { class: "pane" }, h("figcaption", {}, title), inside);

  const marked = (pieces) => h("bdi", { class: "str" }, pieces.map(([kind, text]) =>
    kind === "=" ? text : h(kind === "-" ? "del" : "ins", { title: kind === "-" ? "missing" : "extra" }, text)));
  const status = (entry) => h("span", {
    class: "badge " + (entry.status === "ok" ? "ok" : "bad"), title: entry.fault || false }, entry.status);

  // --- gallery --------------------------------------------------------------------------------
  const gallery = (section, data) => {
    const root = $(section, ".gallery");
    const cards = $(root, ".cards");
    const control = (name) => $(root, `[name="${name}"]`);
    const state = { model: data.first, group: "", stratum: "", status: "", verdict: "", sort: "", order: "worst", q: "", diff: "ref", page: 0 };
    const choices = ["model", "group", "stratum", "status", "verdict", "sort", "order", "diff"].filter(control);
    let found = [];
    let current = -1;
    const groupOf = (sample) => sample.group.join("/");
    const column = (key) => data.columns.findIndex((c) => c.key === key);

    const spreadOf = (at) => {
      const seen = new Map();
      data.entries.forEach((e) => {
        if (e.values[at] === null) return;
        const [low, high] = seen.get(e.sample) || [Infinity, -Infinity];
        seen.set(e.sample, [Math.min(low, e.values[at]), Math.max(high, e.values[at])]);
      });
      return (e) => { const s = seen.get(e.sample); return s ? s[1] - s[0] : null; };
    };
    const select = () => {
      const q = state.q.trim().toLowerCase();
      const kind = state.stratum === "" ? null : data.strata[Number(state.stratum)];
      found = data.entries.filter((e) => {
        const sample = data.samples[e.sample];
        const path = groupOf(sample);
        if (state.model !== "" && e.model !== Number(state.model)) return false;
        if (state.group && path !== state.group && !path.startsWith(state.group + "/")) return false;
        if (kind && sample.strata[kind[0]] !== kind[1]) return false;
        if (state.status === "not ok" ? e.status === "ok" : state.status && e.status !== state.status) return false;
        if (state.verdict && !fitsVerdict(e, state.verdict)) return false;
        return !q || [sample.id, sample.prompt, sample.source, sample.target, sample.answer, e.text || ""]
          .some((t) => t.toLowerCase().includes(q));
      });
      if (!state.sort) return;
      const at = column(state.sort);
      const lower = data.columns[at].direction === "lower";
      const key = state.order === "spread" ? spreadOf(at) : (e) => e.values[at];
      const sign = state.order === "spread" ? -1 : (state.order === "worst") !== lower ? 1 : -1;
      found = found.map((e, i) => [e, key(e), i]).sort((a, b) => {
        if (a[1] === null || b[1] === null) return (a[1] === null) - (b[1] === null) || a[2] - b[2];
        return sign * (a[1] - b[1]) || a[2] - b[2];
      }).map(([e]) => e);
    };

    const chips = (entry) => {
      const keys = new Set(data.show);
      if (state.sort) keys.add(state.sort);
      const made = [...keys].map((key) => {
        const at = column(key);
        const c = data.columns[at];
        return h("span", { title: c.key + ": " + c.doc }, c.short + " ", h("b", {}, show(entry.values[at], c)));
      });
      return h("p", { class: "chips" }, made);
    };
    const reading = (entry, sample) => {
      if (!sample.target) return null;
      const parts = [h("span", {}, h("i", {}, "target"), bdi(sample.target, "str"))];
      if (entry.read) parts.push(h("span", {}, h("i", {}, "read"), entry.read.length ? marked(entry.read) : "nothing"));
      return h("p", { class: "read" }, parts);
    };
    const more = (entry) => {
      const parts = [];
      if (entry.lines) parts.push(["lines read in the output", entry.lines.join("\n")]);
      for (const [name, text] of Object.entries(entry.notes)) parts.push([name + ", notes", text]);
      for (const [name, text] of Object.entries(entry.evidence || {})) parts.push([name + ", as stored", text]);
      if (!parts.length) return null;
      const box = h("details", {}, h("summary", {}, "Evidence"));
      box.addEventListener("toggle", () => {
        if (box.open && box.children.length === 1)
          box.append(...parts.map(([name, text]) => [h("p", { class: "sub" }, name), h("pre", { dir: "auto" }, text)]).flat());
      });
      return box;
    };
    const panes = (entry, sample, act) => {
      const name = data.models[entry.model].name;
      const base = state.diff === "ref" ? sample.ref[0] : sample.in[0];
      const made = [];
      if (sample.in.length) made.push(pane("source", frame(sample.in[0], "Source: " + sample.prompt, NONE, act)));
      if (entry.out.length || !entry.text) made.push(pane("output",
        frame(entry.out[0], `Output of ${name}: ${sample.prompt}`, entry.out.length ? NONE : entry.status, act)));
      if (sample.ref.length) made.push(pane("reference", frame(sample.ref[0], "Reference: " + sample.prompt, NONE, act)));
      if (sample.in.length && (entry.out.length || sample.ref.length))
        made.push(pane("difference", difference(base, entry.out[0],
          `Output minus ${state.diff === "ref" ? "reference" : "source"}, five times amplified`)));
      return h("div", { class: "panes" }, made);
    };
    const card = (entry, at) => {
      const sample = data.samples[entry.sample];
      const model = data.models[entry.model];
      return h("article", { class: "card" + (at === current ? " current" : ""), "data-at": String(at) },
        h("header", {}, bdi(model.name, "name"), status(entry),
          data.trials > 1 ? h("span", { class: "badge" }, `trial ${entry.trial}`) : null,
          bdi(sample.id, "id")),
        data.words ? h("div", { class: "asked" }, answers.seen(sample, () => open(at)),
          h("div", {}, question(sample), answers.said(entry, sample), details(entry, false)))
          : [question(sample), entry.fault ? h("p", { class: "read" }, bdi(entry.fault)) : null,
            panes(entry, sample, () => open(at)), entry.text ? h("pre", { dir: "auto" }, entry.text) : null,
            reading(entry, sample), details(entry, false)]);
    };
    const question = (sample) => h("p", { class: "prompt", dir: "auto" }, sample.prompt);
    const details = (entry, large) => [chips(entry), verdicts(entry, large), more(entry)];

    const answers = answering(h, bdi, frame, NONE);
    const { fitsVerdict, verdicts } = judging(h, bdi, data.judging);
    const draw = () => {
      select();
      const pages = Math.max(1, Math.ceil(found.length / PAGE));
      state.page = Math.min(Math.max(0, state.page), pages - 1);
      const start = state.page * PAGE;
      cards.replaceChildren(...found.slice(start, start + PAGE).map((e, i) => card(e, start + i)));
      if (!found.length) cards.append(h("p", { class: "empty" }, "No prediction fits these filters."));
      $(root, ".count").textContent = found.length
        ? `${start + 1} to ${Math.min(start + PAGE, found.length)} of ${found.length.toLocaleString("en")} predictions`
        : "0 predictions";
      $(root, ".prev").disabled = state.page === 0;
      $(root, ".next").disabled = state.page >= pages - 1;
      for (const name of choices) control(name).value = state[name];
    };
    const set = (change) => { current = -1; Object.assign(state, { page: 0 }, change); draw(); };
    for (const name of choices)
      control(name).addEventListener("change", () => set({ [name]: control(name).value }));
    control("q").addEventListener("input", () => set({ q: control("q").value }));
    $(root, ".prev").addEventListener("click", () => set({ page: state.page - 1 }));
    $(root, ".next").addEventListener("click", () => set({ page: state.page + 1 }));

    // --- one sample, large --------------------------------------------------------------------
    const dialog = $(section, "dialog");
    const link = (entry) => "#" + new URLSearchParams({
      in: data.id, sample: data.samples[entry.sample].id, model: data.models[entry.model].name, trial: entry.trial });
    let texts = true;
    /** Boxes of the recognised texts, in pixels of the original, over a picture that fits its frame. */
    const boxes = (entry) => {
      if (!entry.size || !entry.boxes) return null;
      const svg = document.createElementNS(SVG, "svg");
      svg.setAttribute("viewBox", `0 0 ${entry.size[0]} ${entry.size[1]}`);
      svg.setAttribute("class", "boxes" + (texts ? "" : " off"));
      const rect = (box, cls, text) => {
        const node = document.createElementNS(SVG, "rect");
        [["x", box[0]], ["y", box[1]], ["width", box[2] - box[0]], ["height", box[3] - box[1]], ["class", cls]]
          .forEach(([name, value]) => node.setAttribute(name, value));
        const title = document.createElementNS(SVG, "title");
        title.textContent = text;
        node.append(title);
        svg.append(node);
      };
      if (entry.region) rect(entry.region, "region", "edited region");
      entry.boxes.forEach((box, i) => { if (box) rect(box, "text", entry.lines[i]); });
      return svg;
    };
    const compare = (entry, sample) => {
      const title = has(sample.in[0]) ? "source" : "reference";
      const left = title === "source" ? sample.in[0] : sample.ref[0];
      if (!has(left) || !has(entry.out[0]))
        return h("div", { class: "compare" }, has(left) ? picture(left, title) : placeholder(NONE),
          has(left) ? h("span", { class: "tag l" }, title) : null,
          h("span", { class: "tag r" }, entry.out.length ? "output: " + NONE : "no output: " + entry.status));
      const top = picture(entry.out[0], "Output");
      const line = h("span", { class: "line" });
      const layer = boxes(entry);
      const range = h("input", { type: "range", min: 0, max: 100, value: 50, "aria-label": "Compare" });
      const move = () => {
        // Boxes are of the output, so they end where it ends.
        for (const part of layer ? [top, layer] : [top]) part.style.clipPath = `inset(0 0 0 ${range.value}%)`;
        line.style.left = range.value + "%";
      };
      range.addEventListener("input", move);
      move();
      return [h("div", { class: "compare" }, picture(left, title), top, layer, line,
        h("span", { class: "tag l" }, title), h("span", { class: "tag r" }, "output")),
      h("label", { class: "slide" }, title, range, "output"),
      layer ? h("label", { class: "slide" }, h("input", { type: "checkbox", checked: texts, on: { change: (event) => {
        texts = event.target.checked;
        layer.classList.toggle("off", !texts);
      } } }), `${entry.lines.length} texts read in the output` + (entry.region ? "; dashed: where the edit belongs" : "")) : null];
    };
    const beside = (entry) => data.entries.filter((e) => e.sample === entry.sample && e.trial === entry.trial);
    const strip = (entry, sample) => {
      const others = beside(entry);
      return h("div", { class: "strip" },
        sample.in.map((n) => pane("source", frame(n, "Source", NONE))),
        sample.ref.map((n) => pane("reference", frame(n, "Reference", NONE))),
        others.map((e) => {
          const made = pane(bdi(data.models[e.model].name), frame(e.out[0], "Output of " + data.models[e.model].name,
            e.out.length ? NONE : e.status, () => fill(e)));
          if (e === entry) made.classList.add("on");
          return made;
        }));
    };
    const scores = (entry) => h("div", { class: "scores" }, h("table", {}, h("tbody", {}, data.columns.map((c, i) =>
      h("tr", { class: "p-" + c.profile }, h("th", { title: c.doc }, c.key), h("td", { class: "num" }, show(entry.values[i], c)))))));
    const copy = (entry) => h("button", { class: "plain", type: "button", on: { click: (event) => {
      const url = location.href.split("#")[0] + link(entry);
      const done = () => { event.target.textContent = "Copied"; };
      if (navigator.clipboard) navigator.clipboard.writeText(url).then(done, () => { location.hash = link(entry); });
      else location.hash = link(entry);
    } } }, "Copy link");
    const fill = (entry) => {
      const sample = data.samples[entry.sample];
      const step = (by) => () => open(current + by);
      dialog.replaceChildren(
        h("div", { class: "dialog-head" },
          h("div", {}, h("p", {}, bdi(data.models[entry.model].name, "name"), " ", status(entry), " ", bdi(sample.id, "id")),
            question(sample), entry.fault && !data.words ? h("p", {}, bdi(entry.fault)) : null),
          h("div", { class: "acts" },
            h("button", { class: "plain", type: "button", on: { click: step(-1) } }, "Previous"),
            h("button", { class: "plain", type: "button", on: { click: step(1) } }, "Next"),
            copy(entry),
            h("button", { class: "plain", type: "button", autofocus: true, on: { click: () => dialog.close() } }, "Close"))),
        h("div", { class: "large" },
          data.words ? h("div", {}, answers.seen(sample),
            answers.others(beside(entry), entry, sample, (e) => data.models[e.model].name, fill))
            : h("div", {}, compare(entry, sample), strip(entry, sample)),
          h("div", { class: "card" }, data.words ? answers.said(entry, sample) : reading(entry, sample),
            details(entry, true), scores(entry))));
      history.replaceState(null, "", link(entry));
      if (!dialog.open) dialog.showModal();
    };
    const open = (at) => {
      if (at < 0 || at >= found.length) return;
      current = at;
      const page = Math.floor(at / PAGE);
      if (page !== state.page) { state.page = page; draw(); }
      $$(cards, ".card").forEach((c) => c.classList.toggle("current", Number(c.dataset.at) === at));
      fill(found[at]);
    };
    dialog.addEventListener("close", () => history.replaceState(null, "", "#" + data.id));
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

    const move = (by) => {
      if (dialog.open) { open(current + by); return; }
      const at = Math.min(Math.max(0, current + by), found.length - 1);
      current = at;
      const page = Math.floor(at / PAGE);
      if (page !== state.page) { state.page = page; draw(); }
      $$(cards, ".card").forEach((c) => c.classList.toggle("current", Number(c.dataset.at) === at));
      const node = $(cards, ".card.current");
      if (node) node.scrollIntoView({ block: "nearest" });
    };
    const pick = (number) => {
      if (!dialog.open || !found[current]) return;
      const e = data.entries.find((x) => x.sample === found[current].sample && x.model === number);
      if (e) fill(e);
    };
    const find = (sample, model, trial) => {
      const number = data.models.findIndex((m) => m.name === model);
      set({ model: number < 0 ? "" : String(number), group: "", stratum: "", status: "", verdict: "", sort: "", q: "" });
      const at = found.findIndex((e) => data.samples[e.sample].id === sample && e.trial === Number(trial || 0));
      if (at >= 0) { state.page = Math.floor(at / PAGE); draw(); open(at); }
    };
    // A gallery is drawn when it comes near from below, so that a page of many suites stays light
    // and a jump past it does not move what was jumped to.
    const waiting = new IntersectionObserver((seen) => {
      if (seen.some((s) => s.isIntersecting)) { waiting.disconnect(); if (!cards.children.length) draw(); }
    }, { rootMargin: "0px 0px 900px 0px" });
    waiting.observe(root);
    window.addEventListener("beforeprint", () => { if (!cards.children.length) draw(); });
    return {
      go: (change) => { set({ status: "", verdict: "", q: "", ...change }); root.scrollIntoView(); },
      move, pick, find, near: () => { const r = root.getBoundingClientRect(); return r.top < innerHeight && r.bottom > 0; },
      isOpen: () => dialog.open, enter: () => open(Math.max(0, current)),
    };
  };

  // --- start ----------------------------------------------------------------------------------
  const galleries = new Map();
  $$(document, "section.suite").forEach((section) => {
    const data = parse($(section, "script.data"));
    const made = gallery(section, data);
    galleries.set(data.id, made);
    $$(section, "table.sortable").forEach(sortable);
    profiles(section);
    groupTabs(section);
    $$(section, ".map").forEach((map) => heat(map, data, made.go));
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const all = [...galleries.values()];
    const here = all.find((g) => g.isOpen()) || all.find((g) => g.near());
    if (!here) return;
    if (event.key === "j") here.move(1);
    else if (event.key === "k") here.move(-1);
    else if (event.key === "Enter" && event.target === document.body) here.enter();
    else if (/^[1-9]$/.test(event.key)) here.pick(Number(event.key) - 1);
  });
  const follow = () => {
    const wanted = new URLSearchParams(location.hash.slice(1));
    const there = galleries.get(wanted.get("in"));
    if (there && wanted.get("sample")) there.find(wanted.get("sample"), wanted.get("model"), wanted.get("trial"));
  };
  window.addEventListener("hashchange", follow);
  follow();
  document.documentElement.classList.add("ready");
})();
