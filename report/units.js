"use strict";
// The page of all units: report/units.html.j2 holds its elements, report/explorer/page.py its data.
// Names of classes, clips and licences are strangers' texts: they are only ever set as textContent.
(() => {
  const ROWS = 12;
  const NO_POINT = -32768;
  const MISSING = 255;
  const REACH = 14;
  const SVG = "http://www.w3.org/2000/svg";
  const byId = (id) => document.getElementById(id);
  const about = JSON.parse(byId("about").textContent);
  const columns = about.columns;
  const place = Object.fromEntries(columns.map((column, at) => [column.name, at]));
  let clips, values, audible, probeSounds;
  // Of every unit: its network, layer and number.
  const ofNetwork = [], ofLayer = [], ofUnit = [];
  const state = { rows: [], sort: "rank", down: false, page: 0, network: 0, layer: 0, unit: 0 };
  let answers = null, points = null, pointed = -1, playlist = [], at = 0;

  function element(tag, properties = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name in made) made[name] = value;
      else made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }

  function drawn(tag, attributes, text = "") {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.textContent = text;
    return made;
  }

  const dataOf = (name) => byId(`data-${name}`).textContent;

  function bytesOf(name) {
    const text = atob(dataOf(name));
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
    return bytes;
  }

  async function unpacked(name) {
    const stream = new Blob([bytesOf(name)]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).arrayBuffer();
  }

  function number(value) {
    if (!Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    const text = size < 1 ? value.toFixed(3)
      : size < 999.5 ? value.toPrecision(3) : value.toFixed(0);
    return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
  }

  function shownValue(name, value) {
    if (!Number.isFinite(value)) return "–";
    if (name === "rank") return String(value);
    if (name === "selective") return value ? "yes" : "no";
    if (/(^|_)p(_|$)/.test(name)) return value < 0.001 ? "< 0.001" : value.toFixed(3);
    return number(value);
  }

  const named = (network) => `${network.condition}, network ${network.seed}`;
  const valueOf = (row, name) => values[place[name] * ofUnit.length + row];
  const layersOf = (network) => about.networks[network].layers;
  const titleOf = (clip) => clips.labels[clip].map((label) => about.classes[label].name).join(", ");

  // The table.

  function listed() {
    const network = byId("network").value, layer = byId("layer").value;
    const bounds = [["least-auc", "test_auc", 1], ["least-partial", "test_partial_d", 1],
      ["most-p", "p_permutation", -1]].filter(([id]) => byId(id).value !== "")
      .map(([id, name, sign]) => [name, Number(byId(id).value), sign]);
    const selected = byId("selected").checked;
    const found = [];
    for (let row = 0; row < ofUnit.length; row += 1) {
      if (network !== "" && ofNetwork[row] !== Number(network)) continue;
      if (layer !== "" && layersOf(ofNetwork[row])[ofLayer[row]].name !== layer) continue;
      if (selected && !valueOf(row, "selective")) continue;
      if (bounds.every(([name, bound, sign]) => sign * (valueOf(row, name) - bound) >= 0)) {
        found.push(row);
      }
    }
    return found;
  }

  function keyOf(name) {
    if (name === "network") return (row) => ofNetwork[row];
    if (name === "layer") return (row) => ofLayer[row];
    if (name === "unit") return (row) => ofUnit[row];
    return (row) => valueOf(row, name);
  }

  function sorted(rows) {
    const key = keyOf(state.sort), sign = state.down ? -1 : 1;
    const keys = new Map(rows.map((row) => [row, key(row)]));
    return rows.sort((a, b) => {
      const x = keys.get(a), y = keys.get(b);
      // Missing values are last in both directions.
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y) || a - b;
      return sign * (x - y) || a - b;
    });
  }

  function search() {
    state.rows = sorted(listed());
    state.page = 0;
    showPage();
  }

  function showPage() {
    const pages = Math.max(1, Math.ceil(state.rows.length / ROWS));
    const start = state.page * ROWS;
    const shown = state.rows.slice(start, start + ROWS);
    byId("count").textContent = `${state.rows.length} of ${ofUnit.length} units`;
    byId("page").textContent = `Page ${state.page + 1} of ${pages}`;
    byId("before").disabled = state.page === 0;
    byId("after").disabled = state.page + 1 >= pages;
    byId("table").tBodies[0].replaceChildren(...shown.map(rowOf));
  }

  function rowOf(row) {
    const network = about.networks[ofNetwork[row]];
    const layer = network.layers[ofLayer[row]].name;
    const button = element("button", { type: "button", textContent: `Unit ${ofUnit[row]}` });
    button.addEventListener("click", () => choose(ofNetwork[row], ofLayer[row], ofUnit[row], true));
    const cells = [element("td", {}, button), element("td", { textContent: named(network) }),
      element("td", { textContent: layer })];
    for (const column of columns) {
      if (!column.in_table) continue;
      const text = shownValue(column.name, valueOf(row, column.name));
      cells.push(element("td", { className: "n", textContent: text }));
    }
    const made = element("tr", {}, ...cells);
    made.classList.toggle("chosen", isChosen(row));
    return made;
  }

  const isChosen = (row) => ofNetwork[row] === state.network && ofLayer[row] === state.layer
    && ofUnit[row] === state.unit;

  function head() {
    const own = [["unit", "Unit", "Number of the unit in its layer"],
      ["network", "Network", "Condition and replicate"], ["layer", "Layer", "From the input on"],
      ...columns.filter((column) => column.in_table).map((c) => [c.name, c.title, c.says])];
    byId("table").tHead.rows[0].replaceChildren(...own.map(([name, title, says], i) => {
      const button = element("button", { type: "button", textContent: title, title: says });
      const cell = element("th", { scope: "col", className: i > 2 ? "n" : "" }, button);
      cell.dataset.name = name;
      button.addEventListener("click", () => {
        state.down = state.sort === name ? !state.down : false;
        state.sort = name;
        sortMarks();
        search();
      });
      return cell;
    }));
    sortMarks();
  }

  function sortMarks() {
    for (const cell of byId("table").tHead.rows[0].cells) {
      const own = cell.dataset.name === state.sort;
      cell.setAttribute("aria-sort", !own ? "none" : state.down ? "descending" : "ascending");
    }
  }

  // The chosen unit.

  async function choose(network, layer, unit, go) {
    const changed = network !== state.network || layer !== state.layer || !answers;
    const moved = network !== state.network || !points;
    Object.assign(state, { network, layer, unit });
    if (changed) answers = await answersOf(network, layer);
    if (moved) points = new Int16Array(await unpacked(`points-${network}`));
    showUnit();
    showPage();
    draw();
    const about_it = about.networks[network];
    const path = [about_it.condition, about_it.seed, about_it.layers[layer].name, unit];
    history.replaceState(null, "", `#${path.map(encodeURIComponent).join("/")}`);
    if (go) {
      byId("chosen").focus({ preventScroll: true });
      byId("unit").scrollIntoView();
    }
    document.documentElement.dataset.state = "ready";
  }

  async function answersOf(network, layer) {
    let block = layer;
    for (let before = 0; before < network; before += 1) block += layersOf(before).length;
    const buffer = await unpacked(`answers-${block}`);
    const rows = layersOf(network)[layer].units + 1, n = about.most + about.least;
    const questions = about.classes.length + 2 * about.quilts.length
      + about.probes.reduce((sum, probe) => sum + probe.sounds.length, 0);
    let start = 0;
    const take = (kind, count) => {
      const taken = new kind(buffer, start, count);
      start += taken.byteLength;
      return taken;
    };
    return { questions, ends: take(Float32Array, 2 * rows), clips: take(Int32Array, n * rows),
      responses: take(Float32Array, n * rows), steps: take(Uint8Array, questions * rows) };
  }

  function meansOf(unit) {
    const [low, high] = answers.ends.slice(2 * unit, 2 * unit + 2);
    const own = answers.steps.subarray(unit * answers.questions, (unit + 1) * answers.questions);
    return Array.from(own, (step) => step === MISSING ? NaN
      : low + (high - low) * step / about.steps);
  }

  function rowOfUnit() {
    let row = state.unit;
    for (let n = 0; n <= state.network; n += 1) {
      for (let l = 0; l < layersOf(n).length; l += 1) {
        if (n === state.network && l === state.layer) return row;
        row += layersOf(n)[l].units;
      }
    }
    return row;
  }

  function showUnit() {
    const network = about.networks[state.network], layer = network.layers[state.layer];
    const isMean = state.unit === layer.units;
    byId("chosen").textContent = `${named(network)}, ${layer.name}: `
      + (isMean ? "mean of the selected units" : `unit ${state.unit}`);
    const row = rowOfUnit();
    byId("facts").replaceChildren(...(isMean ? [] : columns.map((column) => element("div",
      { title: column.says }, element("dt", { textContent: column.title }),
      element("dd", { textContent: shownValue(column.name, valueOf(row, column.name)) })))));
    showAnswers();
    showClips();
    byId("embedded").textContent = network.layer;
  }

  function showAnswers() {
    const means = meansOf(state.unit);
    const words = byId("find").value.trim().toLocaleLowerCase();
    const lists = [["Classes", "classes", about.classes.map((one, i) => ({
      name: one.name, target: one.target, value: means[i], sounds: audible.classes[i] }))]];
    let start = about.classes.length;
    about.probes.forEach((probe, p) => {
      lists.push([`Sounds of the probe set ${probe.name}`, `probe-${p}`,
        probe.sounds.map((sound, i) => ({
          name: `${sound} (${probe.categories[i]})`, target: probe.target[i],
          value: means[start + i], sounds: probeSounds[p][i] }))]);
      start += probe.sounds.length;
    });
    byId("answers").replaceChildren(...lists.map(([title, name, items]) => {
      const found = items.filter((item) => item.name.toLocaleLowerCase().includes(words));
      if (byId("order").value === "response") {
        found.sort((a, b) => (Number.isNaN(a.value) - Number.isNaN(b.value)) || b.value - a.value);
      }
      return element("div", {}, element("h3", { textContent: title }), bars(name, items, found));
    }));
    showQuilts(means.slice(start));
  }

  function bars(name, all, items) {
    const known = all.map((item) => item.value).filter(Number.isFinite);
    const low = Math.min(0, ...known), high = Math.max(0, ...known), span = high - low || 1;
    const made = items.map((item, i) => {
      const fill = element("span", { className: "fill" });
      if (Number.isFinite(item.value)) {
        fill.style.left = `${100 * (Math.min(item.value, 0) - low) / span}%`;
        fill.style.width = `${100 * Math.abs(item.value) / span}%`;
      }
      const says = `${item.name}: ${number(item.value)}`
        + (item.sounds.length ? `, ${item.sounds.length} to hear` : ", nothing to hear");
      const button = element("button", { type: "button", className: "bar", title: says,
        tabIndex: i ? -1 : 0, "aria-label": says, "aria-disabled": String(!item.sounds.length) },
      element("span", { className: "mark", textContent: item.sounds.length ? "▶" : "" }),
      element("span", { className: "name", textContent: item.name }),
      element("span", { className: "track" }, fill),
      element("span", { className: "n", textContent: number(item.value) }));
      button.classList.toggle("target", item.target);
      button.addEventListener("click", () => play(item.sounds, item.name));
      return button;
    });
    const list = element("div", { className: "bars", role: "group", id: name }, ...made);
    list.addEventListener("keydown", (event) => rove(event, made));
    return list;
  }

  function rove(event, buttons) {
    const now = buttons.indexOf(document.activeElement);
    const next = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (now < 0 || next === undefined || !buttons[next]) return;
    event.preventDefault();
    buttons[now].tabIndex = -1;
    buttons[next].tabIndex = 0;
    buttons[next].focus();
  }

  function showQuilts(means) {
    // The whole clips are drawn after the longest segments.
    const drawnOnes = about.quilts.map((ms, i) => ({ ms, target: means[2 * i], other: means[2 * i + 1] }))
      .sort((a, b) => (a.ms ?? Infinity) - (b.ms ?? Infinity));
    const known = drawnOnes.flatMap((one) => [one.target, one.other]).filter(Number.isFinite);
    if (!known.length) {
      byId("quilts").replaceChildren(element("p", { className: "faint",
        textContent: "No clip has the same length in all quilts." }));
      return;
    }
    const low = Math.min(0, ...known), high = Math.max(0, ...known), span = high - low || 1;
    const [left, right, top, bottom, width] = [54, 60, 12, 190, 520];
    const x = (i) => left + (width - left - right) * (drawnOnes.length > 1 ? i / (drawnOnes.length - 1) : 0.5);
    const y = (value) => bottom - (bottom - top) * (value - low) / span;
    const label = (ms) => ms === null ? "intact" : `${ms} ms`;
    const picture = drawn("svg", { viewBox: `0 0 ${width} 232`, role: "img",
      "aria-label": "Mean response by length of segment; the table below has the numbers" });
    for (const value of [low, low + span / 2, high]) {
      picture.append(drawn("line", { class: "axis", x1: left - 4, x2: left, y1: y(value), y2: y(value) }),
        drawn("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, number(value)));
    }
    picture.append(drawn("line", { class: "axis", x1: left, x2: left, y1: top, y2: bottom }),
      drawn("line", { class: "axis", x1: left, x2: width - right, y1: y(0), y2: y(0) }));
    drawnOnes.forEach((one, i) => picture.append(
      drawn("text", { x: x(i), y: bottom + 20, "text-anchor": "middle" }, label(one.ms))));
    for (const [role, title] of [["target", about.target], ["other", "other"]]) {
      const there = drawnOnes.map((one, i) => [x(i), one[role]]).filter(([, v]) => Number.isFinite(v));
      picture.append(drawn("polyline", { class: `of-${role}`,
        points: there.map(([px, v]) => `${px},${y(v)}`).join(" ") }));
      for (const [px, v] of there) {
        picture.append(role === "target" ? drawn("circle", { class: "of-target", cx: px, cy: y(v), r: 4 })
          : drawn("rect", { class: "of-other", x: px - 4, y: y(v) - 4, width: 8, height: 8 }));
      }
      if (there.length) {
        const [px, v] = there[there.length - 1];
        picture.append(drawn("text", { x: px + 9, y: y(v) + 4 }, title));
      }
    }
    const rows = drawnOnes.map((one) => element("tr", {}, element("td", { textContent: label(one.ms) }),
      element("td", { className: "n", textContent: number(one.target) }),
      element("td", { className: "n", textContent: number(one.other) })));
    const header = element("tr", {}, ...["Segments", about.target, "Other"].map((text, i) =>
      element("th", { scope: "col", className: i ? "n" : "", textContent: text })));
    byId("quilts").replaceChildren(picture, element("p", { className: "faint", textContent:
      `Means over ${about.compared.target} target and ${about.compared.other} other test clips.` }),
    element("details", {}, element("summary", { textContent: "The numbers" }),
      element("table", {}, element("thead", {}, header), element("tbody", {}, ...rows))));
  }

  function endsOf(unit) {
    const n = about.most + about.least;
    return Array.from({ length: n }, (_, i) => ({ clip: answers.clips[unit * n + i],
      response: answers.responses[unit * n + i] }));
  }

  function showClips() {
    const ends = endsOf(state.unit);
    const parts = [["Answered most", ends.slice(0, about.most)],
      ["Answered least", ends.slice(about.most)]];
    byId("clips").replaceChildren(...parts.flatMap(([title, own]) => [
      element("h4", { textContent: title }),
      element("ol", { className: "clips" }, ...own.filter((one) => one.clip >= 0).map(clipItem)),
    ]));
  }

  function clipItem({ clip, response }) {
    const sounds = audible.clips[clip] === undefined ? [] : [audible.clips[clip]];
    const button = element("button", { type: "button", textContent: sounds.length ? "▶ Play" : "–",
      disabled: !sounds.length, title: sounds.length ? "" : "Not on this page" });
    button.setAttribute("aria-label", `Play ${clips.ids[clip]}`);
    button.addEventListener("click", () => play(sounds, titleOf(clip)));
    return element("li", {}, button, element("span", {}, titleOf(clip),
      element("br"), element("span", { className: "faint", textContent: clips.ids[clip] })),
    element("span", { className: "n", textContent: number(response) }));
  }

  // The embedding.

  function pointAt(clip, canvas) {
    const size = Math.min(canvas.clientWidth, canvas.clientHeight) / 2 - 14;
    return [canvas.clientWidth / 2 + points[clip] / 32000 * size,
      canvas.clientHeight / 2 - points[clips.ids.length + clip] / 32000 * size];
  }

  function draw() {
    const canvas = byId("points"), ratio = window.devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const [grey, target, ink] = [colour("--grey"), colour("--target"), colour("--ink")];
    for (let clip = 0; clip < clips.ids.length; clip += 1) {
      if (points[clip] === NO_POINT) continue;
      const [x, y] = pointAt(clip, canvas);
      const heard = audible.clips[clip] !== undefined;
      pen.globalAlpha = heard ? 1 : 0.45;
      pen.beginPath();
      pen.arc(x, y, heard ? 4 : 2, 0, 7);
      pen.fillStyle = pen.strokeStyle = clips.roles[clip] === "target" ? target : grey;
      if (heard) pen.fill();
      else pen.stroke();
    }
    pen.globalAlpha = 1;
    pen.strokeStyle = ink;
    for (const { clip } of endsOf(state.unit).slice(0, about.most)) {
      if (clip < 0 || points[clip] === NO_POINT) continue;
      pen.beginPath();
      pen.arc(...pointAt(clip, canvas), 7, 0, 7);
      pen.stroke();
    }
    if (pointed >= 0 && points[pointed] !== NO_POINT) {
      pen.lineWidth = 3;
      pen.beginPath();
      pen.arc(...pointAt(pointed, canvas), 10, 0, 7);
      pen.stroke();
    }
  }

  function nearest(x, y, reach, heardOnly) {
    const canvas = byId("points");
    let found = -1, least = reach;
    for (let clip = 0; clip < clips.ids.length; clip += 1) {
      if (points[clip] === NO_POINT || (heardOnly && audible.clips[clip] === undefined)) continue;
      const [px, py] = pointAt(clip, canvas);
      const distance = Math.hypot(px - x, py - y);
      if (distance < least) [found, least] = [clip, distance];
    }
    return found;
  }

  function point(clip) {
    pointed = clip;
    byId("pointed").textContent = clip < 0 ? "\u00a0" : `${titleOf(clip)} (${clips.ids[clip]})`
      + (audible.clips[clip] === undefined ? ": not on this page" : "");
    draw();
  }

  function playPoint(clip) {
    if (clip >= 0 && audible.clips[clip] !== undefined) play([audible.clips[clip]], titleOf(clip));
  }

  function onArrow(event) {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      playPoint(pointed);
      return;
    }
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way) return;
    event.preventDefault();
    const canvas = byId("points");
    if (pointed < 0) {
      point(nearest(canvas.clientWidth / 2, canvas.clientHeight / 2, Infinity, true));
      return;
    }
    const [x, y] = pointAt(pointed, canvas);
    let found = -1, least = Infinity;
    for (let clip = 0; clip < clips.ids.length; clip += 1) {
      if (clip === pointed || points[clip] === NO_POINT || audible.clips[clip] === undefined) continue;
      const [px, py] = pointAt(clip, canvas);
      const ahead = (px - x) * way[0] + (py - y) * way[1];
      const aside = Math.abs((px - x) * way[1]) + Math.abs((py - y) * way[0]);
      if (ahead > 0 && ahead + 2 * aside < least) [found, least] = [clip, ahead + 2 * aside];
    }
    if (found >= 0) point(found);
  }

  // The player.

  function play(sounds, title, from = 0) {
    if (!sounds.length) return;
    [playlist, at] = [sounds, from];
    const sound = about.sounds[sounds[from]];
    byId("player").hidden = false;
    byId("playing").textContent = title;
    byId("place").textContent = `${sound.name}, ${sound.seconds} s`
      + (sounds.length > 1 ? `, ${from + 1} of ${sounds.length}` : "");
    byId("terms").textContent = sound.terms || "Nothing is known of its licence.";
    byId("earlier").disabled = byId("later").disabled = sounds.length < 2;
    const audio = byId("audio");
    audio.src = `data:audio/ogg;base64,${dataOf(`sound-${sounds[from]}`)}`;
    audio.play().catch(() => {
      byId("terms").textContent = "This browser cannot play Ogg Vorbis.";
    });
  }

  const step = (by) => play(playlist, byId("playing").textContent,
    (at + by + playlist.length) % playlist.length);

  // The beginning.

  function prepare() {
    about.networks.forEach((network, n) => network.layers.forEach((layer, l) => {
      for (let unit = 0; unit < layer.units; unit += 1) {
        ofNetwork.push(n);
        ofLayer.push(l);
        ofUnit.push(unit);
      }
    }));
    const ofIds = new Map(clips.ids.map((id, i) => [id, i]));
    audible = { clips: {}, classes: about.classes.map(() => []) };
    probeSounds = about.probes.map((probe) => probe.sounds.map(() => []));
    about.sounds.forEach((sound, s) => {
      if (sound.probe) {
        const p = about.probes.findIndex((probe) => probe.name === sound.probe);
        probeSounds[p][about.probes[p].sounds.indexOf(sound.name)].push(s);
        return;
      }
      const clip = ofIds.get(sound.name);
      audible.clips[clip] = s;
      for (const label of clips.labels[clip]) audible.classes[label].push(s);
    });
    const layers = [...new Set(about.networks.flatMap((network) => network.layers.map((l) => l.name)))];
    byId("network").append(element("option", { value: "", textContent: "all networks" }),
      ...about.networks.map((network, n) => element("option", { value: n, textContent: named(network) })));
    byId("layer").append(element("option", { value: "", textContent: "all layers" }),
      ...layers.map((layer) => element("option", { value: layer, textContent: layer })));
  }

  function explain() {
    byId("columns").replaceChildren(...columns.map((column) => element("div", {},
      element("dt", { textContent: column.title }),
      element("dd", { className: "says", textContent: column.says }))));
    byId("rounding").textContent = "Indices, effects and single clips are as in the tables "
      + "(selectivity/…/units.tsv), with seven digits. Means over the test clips of a class, to sounds "
      + `of a probe set and to quilts are rounded to 1/${about.steps} of the range from a unit's smallest `
      + "to its largest; a dash stands where there is no clip. Positions in the embedding are rounded to "
      + "1/64,000 of its size.";
    const ofCorpus = about.sounds.filter((sound) => !sound.probe).length;
    const why = about.sound === "none" ? "report.sound is none."
      : about.allowed === 0 ? "Of no clip is anything known that says that excerpts may be passed on."
        : `They are the first ${ofCorpus} of ${about.allowed} test clips that may be passed on, by how many `
          + "selected units answer them most or least, and clips of each class, up to "
          + "report.sound_megabytes.";
    byId("heard").textContent = `${about.sounds.length} sounds can be heard here, of which ${ofCorpus} are `
      + `test clips of the corpus and ${about.sounds.length - ofCorpus} belong to probe sets. ${why}`;
  }

  function fromAddress() {
    let parts;
    try {
      parts = location.hash.slice(1).split("/").map(decodeURIComponent);
    } catch {
      return null;
    }
    if (parts.length !== 4) return null;
    const network = about.networks.findIndex((one) => one.condition === parts[0]
      && String(one.seed) === parts[1]);
    if (network < 0) return null;
    const layer = layersOf(network).findIndex((one) => one.name === parts[2]);
    const unit = Number(parts[3]);
    const there = layer >= 0 && Number.isInteger(unit) && unit >= 0 && unit <= layersOf(network)[layer].units;
    return there ? [network, layer, unit] : null;
  }

  const reported = (network) => layersOf(network).findIndex(
    (layer) => layer.name === about.networks[network].layer);

  function listen() {
    const filters = byId("filters");
    filters.addEventListener("input", search);
    filters.addEventListener("submit", (event) => event.preventDefault());
    filters.addEventListener("reset", () => setTimeout(search));
    byId("before").addEventListener("click", () => { state.page -= 1; showPage(); });
    byId("after").addEventListener("click", () => { state.page += 1; showPage(); });
    byId("mean").addEventListener("click", () => {
      const network = Number(byId("network").value || state.network);
      const layer = layersOf(network).findIndex((one) => one.name === byId("layer").value);
      const shown = layer >= 0 ? layer : reported(network);
      choose(network, shown, layersOf(network)[shown].units, true);
    });
    byId("find").addEventListener("input", showAnswers);
    byId("order").addEventListener("input", showAnswers);
    byId("earlier").addEventListener("click", () => step(-1));
    byId("later").addEventListener("click", () => step(1));
    const canvas = byId("points");
    const position = (event) => [event.offsetX, event.offsetY];
    canvas.addEventListener("click", (event) => {
      const heard = nearest(...position(event), REACH, true);
      point(heard >= 0 ? heard : nearest(...position(event), REACH, false));
      playPoint(pointed);
    });
    canvas.addEventListener("pointermove", (event) => {
      const clip = nearest(...position(event), REACH, false);
      canvas.style.cursor = audible.clips[clip] === undefined ? "default" : "pointer";
      canvas.title = clip < 0 ? "" : titleOf(clip);
    });
    canvas.addEventListener("keydown", onArrow);
    new ResizeObserver(draw).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    window.addEventListener("hashchange", () => {
      const found = fromAddress();
      if (found) choose(...found, true);
    });
  }

  async function begin() {
    if (typeof DecompressionStream === "undefined") {
      throw new Error("it is too old: it has no DecompressionStream");
    }
    clips = JSON.parse(new TextDecoder().decode(await unpacked("clips")));
    values = new Float32Array(await unpacked("statistics"));
    prepare();
    head();
    explain();
    const found = fromAddress();
    const network = found ? found[0] : about.first;
    byId("network").value = String(network);
    byId("layer").value = layersOf(network)[found ? found[1] : reported(network)].name;
    state.rows = sorted(listed());
    const anchor = location.hash.slice(1);
    const layer = reported(network);
    await choose(...(found ?? [network, layer, layersOf(network)[layer].units]), false);
    listen();
    // The browser looked for it before the page was filled.
    if (!found && byId(anchor)) byId(anchor).scrollIntoView();
  }

  begin().catch((error) => {
    byId("failed").textContent = `This browser cannot show the page: ${error.message}.`;
    byId("failed").hidden = false;
    throw error;
  });
})();
