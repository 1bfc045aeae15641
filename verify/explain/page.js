'use strict';
// One function on one machine at a time, from the JSON in #data. Texts are set as texts, never as HTML.
//
// Everything that can be pointed at has one key of its own and the keys of what it belongs to: i3 a CLIF instruction,
// n5 a virtual instruction, r1 a rule, v7 a virtual register. Pointing at something lights up what has its key, and
// shades what those belong to.

const data = JSON.parse(document.getElementById('data').textContent);
const $ = id => document.getElementById(id);
const kClasses = {proven: 'good', trusted: 'part', failed: 'bad', unknown: 'bad'};

let parts = [];     // {element, own, keys}
let pinned = null;  // a key
let shown = {};     // {function, isa}

function element(tag, attributes, ...children) {
  const out = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) out.setAttribute(key, value);
  out.append(...children.filter(child => child !== null));
  return out;
}

function part(made, own, keys) {
  made.dataset.own = own;
  parts.push({element: made, own, keys: new Set([own, ...keys])});
  return made;
}

function light(key) {
  const lit = key === null ? [] : parts.filter(p => p.keys.has(key));
  const around = new Set(lit.flatMap(p => [...p.keys]));
  for (const p of parts) {
    const isLit = lit.includes(p);
    p.element.classList.toggle('lit', isLit);
    p.element.classList.toggle('near', !isLit && around.has(p.own));
    p.element.classList.toggle('pinned', pinned !== null && p.own === pinned);
  }
}

function pin(key) {
  pinned = pinned === key ? null : key;
  light(pinned);
  history.replaceState(null, '', '#' + [shown.isa, shown.function, pinned].filter(x => x !== null).join('/'));
}

// ---- what is shown ----

function clifLine(line) {
  if (line.inst === undefined) return element('li', {class: 'header'}, line.text);
  return part(element('li', {}, line.text.trim()), 'i' + line.inst, []);
}

function codeRow(row, index) {
  const keys = (row.rules || []).map(r => 'r' + r).concat((row.registers || []).map(v => 'v' + v));
  if (row.inst !== undefined) keys.push('i' + row.inst);
  for (const inst of row.folded || []) keys.push('i' + inst);
  const cells = [row.virtual, row.allocated, row.offset === undefined ? '' : row.offset.toString(16), row.bytes, row.code];
  const kinds = ['virtual', 'allocated', 'bytes', 'bytes', 'code'];
  const made = element('tr', {}, ...cells.map((text, i) => element('td', {class: kinds[i]}, text || '')));
  return part(made, row.number === undefined ? 'm' + index : 'n' + row.number, keys);
}

function showCode(isa) {
  const table = $('code');
  const titles = ['virtual registers', 'allocated', 'at', 'bytes', 'disassembly'];
  table.append(element('tr', {}, ...titles.map(title => element('th', {}, title))));
  let block = null;
  isa.rows.forEach((row, index) => {
    if (row.block !== block && (row.virtual || row.allocated)) {
      block = row.block;
      table.append(element('tr', {class: 'block'}, element('td', {colspan: 5}, isa.blocks[block])));
    }
    table.append(codeRow(row, index));
  });
}

function showRules(isa) {
  isa.rules.forEach((rule, r) => {
    const verdict = rule.state ? element('span', {class: 'state ' + kClasses[rule.state]}, element('span', {}, rule.state)) : null;
    $('rules').append(part(element('li', {title: rule.reason || ''}, element('code', {}, rule.name), ' ', verdict,
      element('span', {class: 'place'}, rule.file + ':' + rule.line), element('pre', {}, rule.text)), 'r' + r, []));
  });
}

function showValues(isa) {
  for (const value of isa.values) {
    const places = value.places.map(p => p.where).join(' \u2192 ');
    const name = value.name || 'made by rules';
    $('values').append(part(element('li', {}, name + ' (v' + value.reg + '): ' + places), 'v' + value.reg, []));
  }
}

function show(functionName, isaName, key) {
  const chosen = data.find(f => f.function === functionName) || data[0];
  const isa = chosen.isas.find(i => i.isa === isaName) || chosen.isas[0];
  shown = {function: chosen.function, isa: isa.isa};
  parts = [];
  pinned = null;
  for (const id of ['clif', 'code', 'rules', 'values', 'isas']) $(id).replaceChildren();
  for (const other of chosen.isas) {
    const button = element('button', {type: 'button', 'aria-pressed': String(other === isa)}, other.isa);
    button.addEventListener('click', () => show(shown.function, other.isa, pinned && pinned[0] === 'i' ? pinned : null));
    $('isas').append(button);
  }
  $('functions').value = chosen.function;
  $('clif').append(...chosen.clif.map(clifLine));
  $('error').hidden = !isa.error;
  $('error').textContent = isa.error || '';
  if (!isa.error) {
    showCode(isa);
    showRules(isa);
    showValues(isa);
  }
  for (const p of parts) {
    p.element.addEventListener('mouseenter', () => { if (pinned === null) light(p.own); });
    p.element.addEventListener('mouseleave', () => { if (pinned === null) light(null); });
    p.element.addEventListener('click', () => pin(p.own));
  }
  if (key && parts.some(p => p.own === key)) pin(key);
}

for (const f of data) $('functions').append(element('option', {}, f.function));
$('functions').addEventListener('change', event => show(event.target.value, shown.isa, null));
document.addEventListener('keydown', event => { if (event.key === 'Escape' && pinned !== null) pin(pinned); });
const [isa, name, key] = decodeURIComponent(location.hash.slice(1)).split('/');
show(name, isa, key);
document.body.dataset.ready = 'true';
