/* The grid: moving by keys, sums against the paper as one types, each row saved when it is left; what was not sent is kept and sent again.
   Written for Chromium 86. Without it every row has a button that saves it. */
(function () {
  'use strict';
  var box = document.querySelector('.gr');
  if (!box) return;
  var table = box.querySelector('table.gt'), KEY = 'jieneng.grid.' + box.dataset.key, waiting = {}, busy = {};
  function all(selector, from) { return Array.prototype.slice.call((from || box).querySelectorAll(selector)); }
  function state(words, wrong) {
    var s = document.querySelector('[data-state]');
    s.textContent = words; s.classList.toggle('t-err', !!wrong); s.classList.toggle('t-ok', !wrong);
  }

  /* ---- numbers in ten-thousandths, so that sums are exact ---- */
  function units(text) {
    var t = text.replace(/[，,\s　]/g, '').replace(/[０-９]/g, function (c) { return String.fromCharCode(c.charCodeAt(0) - 65248); }).replace('．', '.');
    return /^(\d+(\.\d{0,4})?|\.\d{1,4})([eE]\+?\d{1,2})?$/.test(t) ? Math.round(parseFloat(t) * 10000) : null;
  }
  function shown(n) {
    var text = (Math.abs(n) / 10000).toFixed(4).replace(/\.?0+$/, '').split('.');
    text[0] = text[0].replace(/\B(?=(\d{3})+$)/g, ',');
    return (n < 0 ? '−' : '') + text.join('.');
  }
  function off(name, sum) {
    var o = box.querySelector('[data-off="' + name + '"]'), c = box.querySelector('input[name="' + name + '"]');
    var paper = c ? units(c.value) : null, d = paper === null ? 0 : sum - paper;
    var unread = c && c.value.trim() !== '' && paper === null;
    if (unread) { o.textContent = box.dataset.unread; o.classList.add('t-err', 'b'); o.classList.remove('t-ok'); return; }
    o.textContent = d ? (d > 0 ? '+' : '') + shown(d) : paper === null ? '' : '✓';
    o.classList.toggle('t-err', !!d); o.classList.toggle('b', !!d); o.classList.toggle('t-ok', !d && paper !== null);
  }
  function sums() {
    var columns = {};
    all('tbody tr', table).forEach(function (tr) {
      var row = 0;
      all('input[data-c]', tr).forEach(function (b) { var n = units(b.value) || 0; row += n; columns[b.dataset.c] = (columns[b.dataset.c] || 0) + n; });
      off('row.' + tr.dataset.row, row);
    });
    Object.keys(columns).forEach(function (c) {
      box.querySelector('[data-sum="' + c + '"]').textContent = shown(columns[c]);
      off('column.' + c, columns[c]);
    });
  }

  /* ---- saving: the row that was changed; kept in the browser until the server has it ---- */
  function remember() {
    var kept = {};
    Object.keys(waiting).forEach(function (id) { kept[id] = values(id); });
    try { if (Object.keys(kept).length) localStorage.setItem(KEY, JSON.stringify(kept)); else localStorage.removeItem(KEY); } catch (e) { /* private window */ }
  }
  function values(id) {
    var found = {};
    all('input.ci[form="' + id + '"]').forEach(function (b) { found[b.name] = b.value; });
    return found;
  }
  function send(id) {
    if (busy[id]) return;
    var form = document.getElementById(id), sent = values(id), before = JSON.stringify(sent);
    busy[id] = true;
    state(box.dataset.saving);
    fetch(location.href, { method: 'POST', body: new FormData(form), headers: { 'X-Requested-With': 'fetch' }, credentials: 'same-origin' }).then(function (r) {
      if (r.redirected || (r.status !== 200 && r.status !== 422)) throw new Error(r.status);
      return r.json();
    }).then(function (told) {
      busy[id] = false;
      if (told.refused) { delete waiting[id]; filing = null; remember(); state(told.refused.join('；'), true); return; }
      var seen = form.querySelector('[name=seen]'), filed = document.querySelector('#gr-file [name="seen-' + id.slice(4) + '"]'), same = JSON.stringify(values(id)) === before;
      if (seen) seen.value = told.version;
      if (filed) filed.value = told.version;
      take(id, told.values || {}, sent);
      mark(id, told);
      if (same) { delete waiting[id]; remember(); } else send(id);
      if (!Object.keys(waiting).length) { state(box.dataset.saved + ' ' + new Date().toTimeString().slice(0, 5)); file(told.says && told.says.length); }
    }).catch(function () { busy[id] = false; filing = null; state(box.dataset.lost, true); });
  }
  /* what others changed meanwhile is shown, so that what is seen is what is kept; a box typed in again since keeps its text */
  function take(id, theirs, sent) {
    all('input.ci[form="' + id + '"]').forEach(function (b) {
      if (theirs[b.name] !== undefined && b.value === sent[b.name] && b.value !== theirs[b.name]) { b.value = theirs[b.name]; b.classList.add('w'); }
    });
    sums();
  }
  /* filing waits until what was typed is saved, and stops where something is told about it */
  var filing = null;
  function file(told) {
    var form = filing;
    filing = null;
    if (form && !told) form.submit();
  }
  var fileForm = document.getElementById('gr-file');
  if (fileForm) fileForm.addEventListener('submit', function (event) {
    if (!Object.keys(waiting).length) return;
    event.preventDefault();
    filing = fileForm;
    Object.keys(waiting).forEach(send);
  });
  function mark(id, told) {
    if (told.says && told.says.length) box.querySelector('[data-says]').textContent = told.says.join('　');
    if (!told.marks) return;
    all('input.ci[form="' + id + '"]').forEach(function (b) {
      b.classList.toggle('e', told.marks[b.name] === 'e'); b.classList.toggle('w', told.marks[b.name] === 'w');
      if (told.marks[b.name] === 'e') b.setAttribute('aria-invalid', 'true'); else b.removeAttribute('aria-invalid');
    });
  }
  box.addEventListener('change', function (event) {
    var b = event.target;
    if (!b.classList.contains('ci')) return;
    waiting[b.getAttribute('form')] = true;
    remember();
    send(b.getAttribute('form'));
  });
  box.addEventListener('input', sums);
  setInterval(function () { Object.keys(waiting).forEach(send); }, 15000);
  window.addEventListener('online', function () { Object.keys(waiting).forEach(send); });
  try {
    var old = JSON.parse(localStorage.getItem(KEY) || '{}');
    Object.keys(old).forEach(function (id) {
      Object.keys(old[id]).forEach(function (name) { var b = box.querySelector('input.ci[form="' + id + '"][name="' + name + '"]'); if (b && !b.readOnly) b.value = old[id][name]; });
      if (document.getElementById(id)) { waiting[id] = true; send(id); }
    });
  } catch (e) { /* private window */ }

  /* ---- keys ---- */
  function lines() { return all('tr', table).map(function (tr) { return all('input.ci', tr).filter(function (b) { return !b.readOnly; }); }).filter(function (row) { return row.length; }); }
  function go(b) { if (b) { b.focus(); b.select(); } }
  table.addEventListener('focusin', function (event) { if (event.target.classList.contains('ci')) event.target.select(); });
  table.addEventListener('keydown', function (event) {
    var b = event.target, rows = lines(), r = -1, c = -1;
    if (!b.classList.contains('ci') || event.isComposing || event.altKey) return;
    rows.forEach(function (row, n) { var at = row.indexOf(b); if (at >= 0) { r = n; c = at; } });
    var whole = b.selectionStart === 0 && b.selectionEnd === b.value.length, key = event.key, to = null;
    if (key === 'Enter') to = event.shiftKey ? rows[r][c - 1] || (rows[r - 1] || [])[(rows[r - 1] || []).length - 1] : rows[r][c + 1] || (rows[r + 1] || [])[0];
    else if (key === 'ArrowDown') to = (rows[r + 1] || [])[c];
    else if (key === 'ArrowUp') to = (rows[r - 1] || [])[c];
    else if (key === 'ArrowRight' && (whole || b.selectionStart === b.value.length)) to = rows[r][c + 1];
    else if (key === 'ArrowLeft' && (whole || b.selectionEnd === 0)) to = rows[r][c - 1];
    else if ((event.ctrlKey || event.metaKey) && key === 's') { event.preventDefault(); b.blur(); b.focus(); return; } else return;
    event.preventDefault();
    go(to);
  });
  sums();
})();
