'use strict';
// Tables from the JSON in #data. Texts are set as texts, never as HTML. A row is made once for each view and shown or
// hidden by the filter; what unfolds below it is made when it is opened. Failures come first, and open.

const data = JSON.parse(document.getElementById('data').textContent);
const isas = Object.keys(data.units).sort((a, b) => order(a) - order(b));
function order(isa) { return ['x64', 'aarch64', 'riscv64', 's390x'].indexOf(isa); }

const kClasses = {
  'proven': 'good', 'holds': 'good', 'proven from lemmas': 'lemma', 'trusted': 'part', 'weaker spec': 'part',
  'not judged': 'part', 'failed': 'bad', 'fails': 'bad', 'unknown': 'bad', 'missing': 'bad',
};

function element(tag, attributes, ...children) {
  const out = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) out.setAttribute(key, value);
  out.append(...children.filter(child => child !== null));
  return out;
}
const count = n => n.toLocaleString('en').replace(/,/g, '\u202f');
const number = text => element('td', {class: 'number'}, text);
function cell(text, kind) { return element('td', {class: 'state ' + kind}, element('span', {}, text)); }
const state = text => cell(text, kClasses[text] || 'none');

// The rung of a rule: all of what it rests on.
function rung(r) {
  if (r.of === 0) return cell('\u2013', 'none');
  if (r.state !== 'fails' && r.judged > 0 && r.judged < r.of) return cell(r.judged + ' of ' + r.of, 'part');
  return state(r.state);
}
// One verdict, with its cases.
const verdict = v => v ? state(v.state) : cell('\u2013', 'none');
const place = row => element('div', {class: 'place'}, row.file + ':' + row.line);

// ---- what unfolds ----

function facts(pairs) {
  const list = element('dl', {class: 'facts'});
  for (const [key, value] of pairs) {
    if (value !== undefined && value !== '') list.append(element('dt', {}, key), element('dd', {}, value));
  }
  return list.childElementCount ? list : null;
}
const code = (text, kind) => text ? element('pre', {class: kind || ''}, text) : null;

function names(list, r) {
  const open = r.open && r.open.length ? (r.state === 'fails' ? ' (open: ' : ' (not judged: ') + r.open.join(', ') + ')' : '';
  return list.join(', ') + open;
}

function ruleDetail(row) {
  return [
    code(row.counterexample, 'bad'), code(row.function), code(row.text),
    row.witness ? code(row.witness.reproducer) : null, row.selection ? code(row.selection.reproducer, 'bad') : null,
    facts([
      [row.state === 'trusted' ? 'trusted because' : 'reason', row.reason],
      ['proven by', (row.solvers || []).join('; ')], ['root', row.term], ['lemmas: specs of', row.lemmas.join(', ')],
      ['class', row.class && (row.class + (row.class_reason ? ': ' + row.class_reason : ''))], ['law', row.law],
      ['operations', names(row.operations, row.rungs.meaning)], ['C++ terms', names(row.helpers, row.rungs.helper)],
      ['instructions', names(row.instructions, row.rungs.encode)],
      ['witness', row.witness && row.witness.reason],
      ['selection', row.selection && (row.selection.reason || count(row.selection.cases) + ' times')],
      ['not judged on a machine', row.rungs.machine.open ? row.rungs.machine.open.join(', ') : ''],
    ]),
  ];
}

function instructionDetail(row) {
  const said = [row.determined, row.encode, ...row.machines];
  return [
    ...said.filter(v => v.state === 'fails').map(v => code(v.name + ': ' + v.reason, 'bad')), code(row.text),
    facts([['term', row.term], ...said.map(v => [v.name, count(v.cases) + ' cases: ' + v.state +
      (v.reason && v.state !== 'fails' ? ' (' + v.reason + ')' : '')])]),
  ];
}

const judgementDetail = row => [code(row.reproducer, 'bad'), facts([['reason', row.reason]])];

// ---- the views ----

const ofAll = kind => isas.flatMap(isa => data.units[isa][kind].map(row => ({isa, row})));
const judgementColumns = [
  ['name'], ['types', row => element('td', {}, row.types || '')], ['state', row => state(row.state)],
  ['cases', row => number(count(row.cases))], ['reason', row => element('td', {class: 'why'}, row.reason || '')],
];
const machineNames = [...new Set(ofAll('instructions').flatMap(({row}) => row.machines.map(m => kind(m.name))))];
function kind(executor) { return executor.startsWith('unicorn') ? 'Unicorn' : executor.startsWith('native') ? 'host' : executor; }

const views = {
  rules: {
    title: 'Rules', entries: ofAll('rules'), states: row => [row.state], detail: ruleDetail,
    text: row => [row.name, row.file, row.text, row.reason].join(' '),
    bad: row => row.state === 'failed' || row.state === 'unknown',
    columns: [
      ['name'], ['ISA', null, 'isa'], ['lower', row => state(row.state)],
      ['instantiations', row => number(count(row.applicable) + (row.inapplicable ? ' + ' + count(row.inapplicable) : ''))],
      ['seconds', row => number(row.seconds.toFixed(2))],
      ['meaning', row => rung(row.rungs.meaning)], ['helper', row => rung(row.rungs.helper)],
      ['encode', row => rung(row.rungs.encode)], ['machine', row => rung(row.rungs.machine)],
      ...(ofAll('rules').some(({row}) => row.selection) ? [['selection', row => verdict(row.selection)]] : []),
      ...(ofAll('rules').some(({row}) => row.witness) ? [['witness', row => verdict(row.witness)]] : []),
      ...(data.campaign ? [['fired', row => row.fired === undefined ? cell('\u2013', 'none') :
        row.fired ? number(count(row.fired)) : cell('never', 'part')]] : []),
    ],
  },
  instructions: {
    title: 'Instructions', entries: ofAll('instructions'), detail: instructionDetail,
    states: row => [row.determined.state, row.encode.state, ...row.machines.map(m => m.state)],
    text: row => [row.name, row.term, row.file, row.text].join(' '),
    bad: row => [row.determined, row.encode, ...row.machines].some(v => kClasses[v.state] === 'bad'),
    columns: [
      ['name'], ['ISA', null, 'isa'], ['rules', row => number(count(row.rules))],
      ['determined', row => verdict(row.determined)],
      ['encode', row => verdict(row.encode)], ['cases', row => number(count(row.encode.cases))],
      ...machineNames.flatMap(name => {
        const find = row => row.machines.find(m => kind(m.name) === name);
        return [['machine: ' + name, row => verdict(find(row))],
          ['cases', row => number(find(row) ? count(find(row).cases) : '')]];
      }),
      ['reason', row => element('td', {class: 'why'}, [...new Set([row.encode, ...row.machines]
        .filter(v => v.state === 'not judged').map(v => v.reason))].join('; '))],
    ],
  },
  helpers: {
    title: 'Helper terms', entries: ofAll('helpers'), states: row => [row.state], detail: judgementDetail,
    text: row => [row.name, row.types, row.reason].join(' '), bad: row => kClasses[row.state] === 'bad',
    columns: [judgementColumns[0], ['ISA', null, 'isa'], ...judgementColumns.slice(1)],
  },
  operations: {
    title: 'Operations', entries: data.operations.map(row => ({isa: '', row})), states: row => [row.state],
    detail: judgementDetail, text: row => [row.name, row.types, row.reason].join(' '),
    bad: row => kClasses[row.state] === 'bad', columns: judgementColumns,
  },
};

function toggle(entry, open) {
  entry.open = open;
  entry.button.setAttribute('aria-expanded', open);
  if (open && !entry.detail) {
    const cell = element('td', {colspan: entry.view.columns.length}, ...entry.view.detail(entry.row));
    entry.detail = element('tr', {class: 'detail'}, cell);
    entry.element.after(entry.detail);
  }
  if (entry.detail) entry.detail.hidden = !open || entry.element.hidden;
}

function makeRow(entry) {
  const row = entry.row;
  entry.button = element('button', {type: 'button', 'aria-expanded': 'false'}, row.name);
  entry.button.addEventListener('click', () => toggle(entry, !entry.open));
  const first = element('td', {class: 'name'}, entry.button, row.file ? place(row) : null);
  const cells = entry.view.columns.slice(1).map(([, make]) => make ? make(row) : element('td', {}, entry.isa));
  entry.element = element('tr', {'data-name': row.name, 'data-isa': entry.isa, 'data-states': entry.view.states(row).join(',')},
    first, ...cells);
  entry.text = entry.view.text(row).toLowerCase();
  return entry.element;
}

function makeView(view) {
  const body = element('tbody');
  const bad = view.entries.filter(({row}) => view.bad(row));
  for (const entry of [...bad, ...view.entries.filter(({row}) => !view.bad(row))]) {
    entry.view = view;
    body.append(makeRow(entry));
  }
  for (const entry of bad) toggle(entry, true);
  const head = element('tr', {}, ...view.columns.map(([title]) =>
    element('th', {scope: 'col', class: /^(instantiations|seconds|cases|rules|fired)$/.test(title) ? 'number' : ''}, title)));
  view.parts = [element('thead', {}, head), body];
}

// ---- totals ----

function total(counts) {
  const failed = (counts['fails'] || 0) + (counts['missing'] || 0);
  const all = Object.values(counts).reduce((a, b) => a + b, 0);
  const good = (counts['holds'] || 0) + (counts['weaker spec'] || 0);
  return failed ? cell(count(failed) + ' fail', 'bad') : cell(count(good) + ' of ' + count(all), good < all ? 'part' : 'good');
}

function makeTotals() {
  const table = document.getElementById('totals');
  const executors = isa => Object.keys(data.units[isa].totals.machines);
  const heads = ['', 'rules', 'proven', 'of them from lemmas', 'trusted', 'failed', 'unknown', 'instantiations', 'seconds',
    'always some rule', 'helpers hold', 'encodings hold', ...machineNames.map(name => 'machine: ' + name)];
  table.append(element('thead', {}, element('tr', {}, ...heads.map((text, i) => element('th', {scope: 'col', class: i > 0 && i < 9 ? 'number' : ''}, text)))));
  const body = element('tbody');
  const sum = {};
  const numbers = t => ['rules', 'proven', 'from_lemmas', 'trusted', 'failed', 'unknown', 'instantiations'].map(key => {
    const bad = (key === 'failed' || key === 'unknown') && t[key] > 0;
    return bad ? cell(count(t[key]), 'number bad') : number(count(t[key]));
  });
  const coverage = t => t.holes.length ? cell(count(t.holes.length) + ' holes', 'bad') : cell(count(t.covered), 'good');
  const addTo = (into, t) => {
    for (const [key, value] of Object.entries(t)) {
      if (Array.isArray(value)) into[key] = (into[key] || []).concat(value);
      else if (typeof value === 'object') addTo(into[key] = into[key] || {}, value);
      else into[key] = (into[key] || 0) + value;
    }
  };
  const row = (name, t, machines) => element('tr', {'data-total': name}, element('th', {scope: 'row'}, name), ...numbers(t),
    number(t.seconds.toFixed(1)), coverage(t.totality), total(t.helpers), total(t.encodings),
    ...machineNames.map(m => machines[m] ? total(machines[m]) : cell('\u2013', 'none')));
  for (const isa of isas) {
    const t = data.units[isa].totals, machines = {};
    for (const executor of executors(isa)) machines[kind(executor)] = t.machines[executor];
    body.append(row(isa, t, machines));
    addTo(sum, {...t, machines});
  }
  if (isas.length > 1) body.append(row('all', sum, sum.machines));
  table.append(body);
  const operations = {};
  for (const o of data.operations) operations[o.state] = (operations[o.state] || 0) + 1;
  const lines = ['Operations at their types: ' +
    Object.entries(operations).map(([s, n]) => count(n) + ' ' + s).join(', ') + '.'];
  if (data.campaign) {
    const fired = ofAll('rules').filter(({row}) => row.fired !== undefined);
    lines.push(' Campaign: ' + count(data.campaign.functions) + ' functions in ' + data.campaign.seconds.toFixed(0) +
      ' s, ' + count(fired.filter(({row}) => row.fired).length) + ' of ' + count(fired.length) + ' rules fired, ' +
      count(data.campaign.findings) + ' findings.');
  }
  table.after(element('p', {id: 'operations-total'}, ...lines));
}

// ---- the filter ----

const $ = id => document.getElementById(id);
let current = null;

function apply() {
  const words = $('text').value.toLowerCase().split(/\s+/).filter(Boolean);
  const isa = $('isa').value, wanted = $('state').value;
  let shown = 0;
  for (const entry of current.entries) {
    const visible = (!isa || !entry.isa || entry.isa === isa) &&
      (!wanted || (wanted === 'open' ? current.bad(entry.row) : current.states(entry.row).includes(wanted))) &&
      words.every(word => entry.text.includes(word));
    entry.element.hidden = !visible;
    if (entry.detail) entry.detail.hidden = !visible || !entry.open;
    if (visible) ++shown;
  }
  $('shown').textContent = count(shown) + ' of ' + count(current.entries.length);
}

function options(select, values) {
  const before = select.value;
  select.replaceChildren(...values.map(([value, text]) => element('option', {value}, text)));
  select.value = values.some(([value]) => value === before) ? before : '';
}

function show(name) {
  current = views[name];
  if (!current.parts) makeView(current);
  $('rows').replaceChildren(...current.parts);
  for (const button of $('views').children) button.setAttribute('aria-pressed', button.dataset.view === name);
  const states = [...new Set(current.entries.flatMap(({row}) => current.states(row)))].sort();
  options($('state'), [['', 'any'], ['open', 'failing or open'], ...states.map(s => [s, s])]);
  apply();
}

for (const [name, view] of Object.entries(views)) {
  const button = element('button', {type: 'button', 'data-view': name}, view.title + ' ' + count(view.entries.length));
  button.addEventListener('click', () => show(name));
  $('views').append(button);
}
options($('isa'), [['', 'all'], ...isas.map(isa => [isa, isa])]);
for (const id of ['text', 'isa', 'state']) $(id).addEventListener('input', apply);
const measure = () => document.documentElement.style.setProperty('--header', document.querySelector('header').offsetHeight + 'px');
addEventListener('resize', measure);
makeTotals();
// #instructions, or #rules/udiv to filter by a text and open the rows of that name.
const [wantedView, wantedText] = decodeURIComponent(location.hash.slice(1)).split('/');
if (wantedText) $('text').value = wantedText;
show(views[wantedView] ? wantedView : 'rules');
if (wantedText) for (const entry of current.entries) if (entry.row.name === wantedText) toggle(entry, true);
measure();
document.body.dataset.ready = 'true';
