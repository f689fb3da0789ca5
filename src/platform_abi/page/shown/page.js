// The views of a fleet's page. Whatever is a name or a message goes into the page as text only.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("fleet-data").textContent);
  const MARKS = ["✓", "!", "✕"];
  const WORDS = { ok: "fine", warn: "with a warning", blocked: "blocked" };
  const BLOCKED = data.levels.indexOf("blocked");
  const MOST_NAMES = 12;

  // --- what the data says -----------------------------------------------------------------------

  const hostKind = new Map(data.hosts);
  const vmKind = new Map(data.vms);
  const hostsOf = data.hostKinds.map(() => []);
  const vmsOf = data.vmKinds.map(() => []);
  for (const [name, kind] of data.hosts) hostsOf[kind].push(name);
  for (const [name, kind] of data.vms) vmsOf[kind].push(name);

  const verdictOf = (vm, host) => data.verdicts[data.cells[vm][host]];
  const hostWords = (kind) => data.hostKinds[kind][2];
  const vmWords = (kind) => `${data.vmKinds[kind][2]}, ${data.vmKinds[kind][3]}`;
  const level = (verdict) => data.levels[verdict[0]];
  // On how many hosts a lockfile's virtual machines can be.
  const reach = data.cells.map((row) =>
    row.reduce((sum, verdict, host) => sum + (data.verdicts[verdict][0] < BLOCKED ? hostsOf[host].length : 0), 0));

  // --- elements ---------------------------------------------------------------------------------

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }
  const link = (what, name) => element("a", { href: `#${what}/${encodeURIComponent(name)}` }, name);
  const badge = (verdict) =>
    element("span", { class: `badge ${level(verdict)}` }, `${MARKS[verdict[0]]} ${WORDS[level(verdict)]}`);

  function named(what, names) {
    const shown = element("p");
    names.slice(0, MOST_NAMES).forEach((name, place) => shown.append(place ? ", " : "", link(what, name)));
    if (names.length <= MOST_NAMES) return shown;
    const rest = element("details", {}, element("summary", {}, `and ${names.length - MOST_NAMES} more`));
    // Thousands of links are made only when somebody wants them.
    rest.addEventListener("toggle", () => {
      if (rest.open && rest.children.length === 1) {
        rest.append(element("ul", { class: "names" }, ...names.slice(MOST_NAMES).map((n) => element("li", {}, link(what, n)))));
      }
    });
    return element("div", {}, shown, rest);
  }

  function findings(verdict) {
    if (!verdict[1].length) return element("p", {}, "Nothing speaks against it.");
    return element("ul", {}, ...verdict[1].map((number) => {
      const [grave, code, message, help] = data.findings[number];
      const said = element("li", {}, `${["note", "warning", "blocked"][grave]}: `,
        element("span", { class: "code" }, code), ` ${message}`);
      if (help) said.append(element("div", { class: "small" }, help));
      return said;
    }));
  }

  // --- the matrix -------------------------------------------------------------------------------

  const ROW = 28, COLUMN = 34, HEAD = 132;
  const scroller = $("matrix"), grid = $("grid");
  let rows = [], columns = [], at = [0, 0], shownAt = [0, 0], shownSize = [0, 0];

  function entries(kinds, names, words, byKind, text) {
    const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (...said) => { const all = said.join(" ").toLowerCase(); return wanted.every((word) => all.includes(word)); };
    if (!byKind) {
      return names.filter(([name, kind]) => fits(name, words(kind))).map(([name, kind]) => ({ name, kind, title: `${name}: ${words(kind)}` }));
    }
    return kinds.map((called, kind) => ({ kind, called: called.length, name: `${called.length} × ${words(kind)}`, title: `${words(kind)}: ${called.slice(0, 3).join(", ")}${called.length > 3 ? " …" : ""}` }))
      .filter(({ kind, called }) => called && fits(words(kind), ...kinds[kind]));
  }

  function filter() {
    const byKind = $("by-kind").checked, which = $("which").value, every = data.hosts.length;
    const keeps = { all: () => true, none: (n) => n === 0, one: (n) => n === 1, some: (n) => n < every, every: (n) => n === every }[which];
    rows = entries(vmsOf, data.vms, vmWords, byKind, $("find-vm").value).filter(({ kind }) => keeps(reach[kind]));
    columns = entries(hostsOf, data.hosts, hostWords, byKind, $("find-host").value);
    $("matrix-count").textContent = byKind
      ? `${rows.length} lockfiles, ${columns.length} kinds of host`
      : `${rows.length} VMs, ${columns.length} hosts`;
    at = [0, 0];
    $("why").replaceChildren();
    scroller.scrollTo(0, 0);
    layOut();
  }

  const nameWidth = () => (scroller.clientWidth < 600 ? 130 : 260);

  // The table has the rows and columns that fit, and stays where one looks; scrolling fills it anew.
  function layOut() {
    const width = nameWidth();
    const tall = Math.max(1, Math.floor((scroller.clientHeight - HEAD) / ROW));
    const wide = Math.max(1, Math.floor((scroller.clientWidth - width) / COLUMN));
    shownSize = [Math.min(tall, rows.length), Math.min(wide, columns.length)];
    $("matrix-size").style.height = `${scroller.clientHeight + (rows.length - shownSize[0]) * ROW}px`;
    $("matrix-size").style.width = `${scroller.clientWidth + (columns.length - shownSize[1]) * COLUMN}px`;
    grid.style.width = `${width + shownSize[1] * COLUMN}px`;
    grid.hidden = !rows.length || !columns.length;
    grid.setAttribute("aria-rowcount", rows.length + 1);
    grid.setAttribute("aria-colcount", columns.length + 1);
    const corner = element("th", { scope: "col", class: "corner", "aria-colindex": 1 }, element("span", {}, "VM"));
    corner.style.width = `${width}px`;
    const head = element("tr", { "aria-rowindex": 1 }, corner);
    for (let x = 0; x < shownSize[1]; x += 1) head.append(element("th", { scope: "col" }, element("span")));
    grid.tHead.replaceChildren(head);
    grid.tBodies[0].replaceChildren(...Array.from({ length: shownSize[0] }, () => {
      const row = element("tr", {}, element("th", { scope: "row", "aria-colindex": 1 }));
      for (let x = 0; x < shownSize[1]; x += 1) row.append(element("td"));
      return row;
    }));
    fill();
  }

  const within = (value, most) => Math.max(0, Math.min(value, most));

  function fill() {
    const [tall, wide] = shownSize;
    shownAt = [
      within(Math.round(scroller.scrollTop / ROW), rows.length - tall),
      within(Math.round(scroller.scrollLeft / COLUMN), columns.length - wide),
    ];
    const [top, left] = shownAt;
    const head = grid.tHead.rows[0];
    for (let x = 0; x < wide; x += 1) {
      const host = columns[left + x], cell = head.cells[x + 1];
      cell.setAttribute("aria-colindex", left + x + 2);
      cell.title = host.title;
      cell.firstChild.textContent = host.name;
    }
    const reachable = [within(at[0], top + tall - 1) < top ? top : within(at[0], top + tall - 1), within(at[1], left + wide - 1) < left ? left : within(at[1], left + wide - 1)];
    for (let y = 0; y < tall; y += 1) {
      const vm = rows[top + y], line = grid.tBodies[0].rows[y];
      line.setAttribute("aria-rowindex", top + y + 2);
      line.cells[0].title = vm.title;
      line.cells[0].textContent = vm.name;
      for (let x = 0; x < wide; x += 1) {
        const cell = line.cells[x + 1], verdict = verdictOf(vm.kind, columns[left + x].kind);
        const why = verdict[1].length ? data.findings[verdict[1][0]][2] : "";
        cell.className = level(verdict);
        cell.textContent = MARKS[verdict[0]];
        const says = `${WORDS[level(verdict)]}${why ? `: ${why}` : ""}`;
        cell.title = says;
        cell.setAttribute("aria-label", says);
        cell.setAttribute("aria-colindex", left + x + 2);
        const chosen = top + y === at[0] && left + x === at[1];
        cell.setAttribute("aria-selected", chosen);
        cell.tabIndex = top + y === reachable[0] && left + x === reachable[1] ? 0 : -1;
      }
    }
  }

  function tell() {
    const vm = rows[at[0]], host = columns[at[1]];
    const verdict = verdictOf(vm.kind, host.kind);
    const byKind = $("by-kind").checked;
    const title = byKind
      ? element("h2", {}, `${vm.name} on ${host.name}`)
      : element("h2", {}, link("vm", vm.name), " on ", link("host", host.name));
    const names = byKind ? [named("vm", vmsOf[vm.kind]), named("host", hostsOf[host.kind])] : [];
    $("why").replaceChildren(element("div", { class: "verdict" }, title, element("p", {}, badge(verdict)), findings(verdict), ...names));
  }

  function go(y, x, focus = true) {
    if (!rows.length || !columns.length) return;
    at = [within(y, rows.length - 1), within(x, columns.length - 1)];
    const [tall, wide] = shownSize;
    const top = at[0] < shownAt[0] ? at[0] : Math.max(shownAt[0], at[0] - tall + 1);
    const left = at[1] < shownAt[1] ? at[1] : Math.max(shownAt[1], at[1] - wide + 1);
    scroller.scrollTo(left * COLUMN, top * ROW);
    fill();
    if (focus) grid.tBodies[0].rows[at[0] - shownAt[0]].cells[at[1] - shownAt[1] + 1].focus({ preventScroll: true });
    tell();
  }

  const place = (cell) => [cell.parentNode.rowIndex - 1 + shownAt[0], cell.cellIndex - 1 + shownAt[1]];

  grid.addEventListener("click", (event) => {
    const cell = event.target.closest("td");
    if (cell) go(...place(cell));
  });
  grid.addEventListener("keydown", (event) => {
    const cell = event.target.closest("td");
    if (!cell) return;
    const [y, x] = place(cell), last = [rows.length - 1, columns.length - 1], all = event.ctrlKey;
    const moves = {
      ArrowUp: [y - 1, x], ArrowDown: [y + 1, x], ArrowLeft: [y, x - 1], ArrowRight: [y, x + 1],
      PageUp: [y - shownSize[0], x], PageDown: [y + shownSize[0], x],
      Home: [all ? 0 : y, 0], End: [all ? last[0] : y, last[1]],
    };
    if (event.key === "Enter" || event.key === " ") {
      if (event.key === "Enter" && !$("by-kind").checked) location.hash = `#vm/${encodeURIComponent(rows[y].name)}`;
      else go(y, x);
    } else if (moves[event.key]) go(...moves[event.key]);
    else return;
    event.preventDefault();
  });
  let waiting = false;
  scroller.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; fill(); });
  });
  window.addEventListener("resize", () => { if (!$("view-matrix").hidden) layOut(); });
  for (const id of ["find-vm", "find-host"]) $(id).addEventListener("input", filter);
  for (const id of ["which", "by-kind"]) $(id).addEventListener("change", filter);
  for (const id of ["filters", "list-form"]) $(id).addEventListener("submit", (event) => event.preventDefault());

  // --- a list, and one of it --------------------------------------------------------------------

  const MOST_LISTED = 500;
  let listed = ["vm", data.vms, vmWords];

  function list() {
    const [what, names, words] = listed;
    const found = entries([], names, words, false, $("find-list").value);
    const more = found.length > MOST_LISTED ? `; the first ${MOST_LISTED} are shown` : "";
    $("list-count").textContent = `${found.length} of ${names.length}${more}`;
    $("list").replaceChildren(...found.slice(0, MOST_LISTED).map(({ name, kind }) =>
      element("li", {}, link(what, name), element("div", { class: "small" }, words(kind)))));
  }
  $("find-list").addEventListener("input", list);

  function one(what, name) {
    const ofVm = what === "vm", kind = (ofVm ? vmKind : hostKind).get(name);
    $("one-title").textContent = kind === undefined ? `No ${ofVm ? "VM" : "host"} is called ${name}` : `${ofVm ? "VM" : "Host"} ${name}`;
    $("one-facts").replaceChildren();
    $("one-verdicts").replaceChildren();
    if (kind === undefined) return;
    const facts = ofVm
      ? { Machine: data.vmKinds[kind][2], Platform: data.vmKinds[kind][3], Architecture: data.vmKinds[kind][1], Lockfile: data.vmKinds[kind][0] }
      : { "What it is": hostWords(kind), Report: data.hostKinds[kind][0] };
    for (const [fact, value] of Object.entries(facts)) $("one-facts").append(element("dt", {}, fact), element("dd", {}, value));
    // Of what is alike there is one verdict, with all names.
    const others = ofVm ? hostsOf : vmsOf, groups = new Map();
    others.forEach((names, other) => {
      if (!names.length) return;
      const number = ofVm ? data.cells[kind][other] : data.cells[other][kind];
      groups.set(number, [...(groups.get(number) || []), other]);
    });
    const inOrder = [...groups].sort(([a], [b]) => data.verdicts[a][0] - data.verdicts[b][0] || a - b);
    for (const [number, kinds] of inOrder) {
      const verdict = data.verdicts[number], names = kinds.flatMap((other) => others[other]);
      const count = `${names.length} ${ofVm ? (names.length === 1 ? "host" : "hosts") : (names.length === 1 ? "VM" : "VMs")}`;
      $("one-verdicts").append(element("div", { class: "verdict" },
        element("h2", {}, badge(verdict), count), findings(verdict), named(ofVm ? "host" : "vm", names)));
    }
    if (!groups.size) $("one-verdicts").append(element("p", {}, `The fleet has no ${ofVm ? "hosts" : "VMs"}.`));
  }

  // --- can I migrate? ---------------------------------------------------------------------------

  $("host-names").append(...data.hosts.map(([name]) => element("option", { value: name })));
  $("vm-names").append(...data.vms.map(([name]) => element("option", { value: name })));

  function asked() {
    const wrong = [];
    const kinds = [["from", hostKind, "host"], ["to", hostKind, "host"], ["moved", vmKind, "VM"]].map(([id, known, what]) => {
      const name = $(id).value.trim(), kind = known.get($(id).value) ?? known.get(name);
      const bad = id === "moved" && !name ? false : kind === undefined;
      $(id).setAttribute("aria-invalid", bad);
      if (bad) wrong.push([id, name ? `no ${what} of the fleet is called “${name}”` : `say which ${what}`]);
      return kind;
    });
    $("migrate-error").textContent = wrong.map(([, text]) => text).join("; ");
    if (wrong.length) $(wrong[0][0]).focus();
    return wrong.length ? null : kinds;
  }

  function moved(vm, from, to) {
    const row = data.moves[vm];
    if (!row) return [verdictOf(vm, to), verdictOf(vm, from)];
    const place = 2 * (from * data.hostKinds.length + to);
    return [data.verdicts[row[place]], data.verdicts[row[place + 1]]];
  }

  $("migrate").noValidate = true;
  $("migrate").addEventListener("submit", (event) => {
    event.preventDefault();
    $("moves").replaceChildren();
    const kinds = asked();
    if (!kinds) return;
    const [from, to, only] = kinds;
    const locks = only === undefined ? vmsOf.map((_, lock) => lock).filter((lock) => vmsOf[lock].length) : [only];
    const answers = locks.map((lock) => [lock, ...moved(lock, from, to)]);
    answers.sort((a, b) => Math.max(b[1][0], b[2][0]) - Math.max(a[1][0], a[2][0]));
    const movable = answers.filter(([, there, back]) => there[0] < BLOCKED && back[0] < BLOCKED);
    const count = (some) => only === undefined ? some.reduce((sum, [lock]) => sum + vmsOf[lock].length, 0) : some.length;
    const head = only === undefined
      ? `${count(movable)} of ${count(answers)} VMs can move from ${$("from").value.trim()} to ${$("to").value.trim()} and come back`
      : `${$("moved").value.trim()} ${movable.length ? "can" : "cannot"} move from ${$("from").value.trim()} to ${$("to").value.trim()} and come back`;
    $("moves").append(element("h2", {}, head));
    if (!data.moves.length) {
      $("moves").append(element("p", { class: "note" },
        "This fleet has too many kinds for every move to be worked out: this is whether a VM may start at either end. ",
        "platform-abi check VM --from HOST --to HOST says whether one that runs may move."));
    }
    for (const [lock, there, back] of answers) {
      $("moves").append(element("div", { class: "verdict" },
        element("h3", {}, vmWords(lock)), named("vm", only === undefined ? vmsOf[lock] : [$("moved").value.trim()]),
        element("p", {}, "There: ", badge(there)), findings(there),
        element("p", {}, "And back: ", badge(back)), findings(back)));
    }
  });

  // --- views ------------------------------------------------------------------------------------

  function show(first = false) {
    const [what, name] = (() => {
      const [view, ...rest] = location.hash.slice(1).split("/");
      try { return [view, decodeURIComponent(rest.join("/"))]; } catch { return [view, rest.join("/")]; }
    })();
    if (what === "main") return;
    const views = { matrix: "matrix", vms: "list", hosts: "list", vm: "one", host: "one", migrate: "migrate" };
    const view = views[what] || "glance";
    for (const id of ["glance", "matrix", "list", "one", "migrate"]) $(`view-${id}`).hidden = id !== view;
    const current = { vm: "vms", host: "hosts" }[what] || (views[what] ? what : "glance");
    for (const each of document.querySelectorAll("nav a")) {
      if (each.hash === `#${current}`) each.setAttribute("aria-current", "page");
      else each.removeAttribute("aria-current");
    }
    if (view === "matrix") layOut();
    if (view === "one") one(what, name);
    if (view === "list") {
      listed = what === "vms" ? ["vm", data.vms, vmWords] : ["host", data.hosts, hostWords];
      $("list-title").textContent = what === "vms" ? "VMs" : "Hosts";
      $("find-list").value = "";
      list();
    }
    const title = $(`${view}-title`);
    document.title = `${title.textContent} · Fleet`;
    if (!first) { title.focus(); window.scrollTo(0, 0); }
  }
  window.addEventListener("hashchange", () => show());
  filter();
  show(true);
})();
