/* Filling in: saving without being asked, pasting a column, what was not sent kept on this computer, one item at a time on a phone.
   Written for Chromium 86. Without it the form still works: buttons save, and the page comes back with what is wrong. */
(function () {
  'use strict';
  var form = document.querySelector('form.fl');
  if (!form) return;
  var KEY = 'jieneng.fill.' + form.dataset.fill, kept = {}, lost = false, pasted = null;
  function all(selector, from) { return Array.prototype.slice.call((from || form).querySelectorAll(selector)); }
  function boxes() { return all('input[name*="."],select[name*="."]').filter(function (x) { return x.type !== 'hidden' && !x.readOnly; }); }
  function said() { return document.getElementById('said'); }
  function state(words, wrong) {
    var s = form.querySelector('[data-state]');
    if (!s) return;
    s.textContent = words;
    s.classList.toggle('t-err', !!wrong);
    s.classList.toggle('t-ok', !wrong);
  }

  /* ---- what is not yet acknowledged stays in the browser until it is ---- */
  function remember() {
    try { localStorage.setItem(KEY, JSON.stringify({ at: Date.now(), values: kept })); } catch (e) { /* private window */ }
  }
  function forget() { kept = {}; try { localStorage.removeItem(KEY); } catch (e) { /* private window */ } }
  function stored() { try { return JSON.parse(localStorage.getItem(KEY) || 'null'); } catch (e) { return null; } }
  function plain(text) { return text.replace(/,/g, '').trim(); }
  form.addEventListener('input', function (event) {
    var b = event.target;
    if (!b.name || b.name.indexOf('.') < 0) return;
    kept[b.name] = b.value;
    remember();
    all('input[name=waiting]').forEach(function (w) { if (w.value === b.name) w.name = 'mine'; });
  });
  function offer() {
    var old = stored(), bar = document.getElementById('fl-offer');
    if (!old || !old.values || !bar) return;
    var differs = boxes().filter(function (b) { return b.name in old.values && plain(old.values[b.name]) !== plain(b.value); });
    if (!differs.length) return forget();
    bar.querySelector('.hd span').textContent = bar.dataset.words.replace('{at}', new Date(old.at).toLocaleTimeString().slice(0, 5));
    bar.hidden = false;
    bar.addEventListener('click', function (event) {
      if (event.target.closest('[data-restore]')) {
        differs.forEach(function (b) { b.value = old.values[b.name]; kept[b.name] = b.value; });
        bar.hidden = true;
        save();
      } else if (event.target.closest('[data-forget]')) { forget(); bar.hidden = true; }
    });
  }

  /* ---- saving ---- */
  function save() {
    if (window.htmx && form.hasAttribute('hx-post')) window.htmx.trigger(form, 'fill-save');
  }
  var sent = {};
  document.addEventListener('htmx:beforeRequest', function (event) {
    if (event.detail.elt !== form) return;
    sent = Object.assign({}, kept);
    state(form.dataset.saving);
  });
  function failed(event) {
    if (event.detail.elt !== form) return;
    lost = true;
    remember();
    state(form.dataset.lost, true);
  }
  ['htmx:sendError', 'htmx:timeout', 'htmx:responseError'].forEach(function (n) { document.addEventListener(n, failed); });
  window.addEventListener('online', function () { if (lost) save(); });
  setInterval(function () { if (lost) save(); }, 15000);
  document.addEventListener('htmx:afterSwap', function () {
    var part = said();
    if (!part || !part.dataset.kept) return;
    lost = false;
    Object.keys(sent).forEach(function (k) { if (kept[k] === sent[k]) delete kept[k]; });
    if (Object.keys(kept).length) remember(); else forget();
    marks();
  });

  /* ---- marks, sums and findings go to their fields ---- */
  function marks() {
    var data = document.getElementById('fl-marks');
    if (!data) return;
    var m = JSON.parse(data.dataset.marks);
    boxes().forEach(function (b) {
      var mark = m.marks[b.id] || '', holder = b.closest('.ub') || b;
      holder.classList.toggle('e', mark === 'e');
      holder.classList.toggle('w', mark === 'w');
      if (mark === 'e') b.setAttribute('aria-invalid', 'true'); else b.removeAttribute('aria-invalid');
      if (b.id in m.theirs && b !== document.activeElement) b.value = m.theirs[b.id];
    });
    var bar = document.getElementById('fl-bar'), count = document.getElementById('fl-count');
    if (bar && m.progress) { bar.value = m.progress[0]; bar.max = m.progress[1]; count.textContent = m.progress.join(' / '); }
    Object.keys(m.sums).forEach(function (id) {
      var o = document.getElementById(id);
      if (o) o.textContent = m.sums[id];
    });
    slots();
  }
  function slots() {
    var holders = {};
    all('.fl-slot').forEach(function (s) { s.textContent = ''; holders[s.dataset.for] = s; });
    all('#said .fd[data-slot]').forEach(function (f) {
      var to = holders[f.dataset.slot];
      if (to) to.appendChild(f);
    });
  }

  /* ---- a pasted column fills downwards, several columns to the right ---- */
  function grid(from) {
    var table = from.closest('table');
    return table ? all('tbody tr', table).map(function (tr) { return all('input.ci', tr); }) : null;
  }
  form.addEventListener('paste', function (event) {
    var text = (event.clipboardData || window.clipboardData).getData('text'), start = event.target;
    if (!/[\n\t]/.test(text.trim()) || !start.classList || !start.classList.contains('ci')) return;
    event.preventDefault();
    var rows = grid(start), r0 = -1, c0 = -1;
    rows.forEach(function (row, r) { var c = row.indexOf(start); if (c >= 0) { r0 = r; c0 = c; } });
    pasted = [];
    text.replace(/\r/g, '').replace(/\n+$/, '').split('\n').forEach(function (line, r) {
      line.split('\t').forEach(function (value, c) {
        var b = rows[r0 + r] && rows[r0 + r][c0 + c];
        if (!b || b.readOnly) return;
        pasted.push([b, b.value]);
        b.value = value.trim();
        b.classList.add('pst');
        kept[b.name] = b.value;
      });
    });
    remember();
    var bar = document.getElementById('fl-pasted');
    if (bar) { bar.hidden = false; bar.querySelector('.hd span').textContent = form.dataset.pasted.replace('{n}', pasted.length); }
    save();
  });
  form.addEventListener('click', function (event) {
    if (event.target.closest('[data-unpaste]') && pasted) {
      pasted.forEach(function (p) { p[0].value = p[1]; p[0].classList.remove('pst'); kept[p[0].name] = p[1]; });
      pasted = null;
      document.getElementById('fl-pasted').hidden = true;
      save();
    }
    var b = event.target.closest('[data-show-k]');
    if (b) show(b.dataset.showK);
  });
  function show(k) {
    all('[data-show-k]').forEach(function (b) { b.setAttribute('aria-pressed', String(b.dataset.showK === k)); });
    all('table.fy [data-k]').forEach(function (c) { if (c.tagName !== 'SPAN') c.classList.toggle('off', c.dataset.k !== k); });
  }

  /* ---- keys: Enter and arrows go down and up, Ctrl+S saves ---- */
  form.addEventListener('keydown', function (event) {
    if ((event.ctrlKey || event.metaKey) && event.key === 's') { event.preventDefault(); save(); return; }
    var b = event.target;
    if (!b.classList || event.isComposing) return;
    var down = event.key === 'Enter' || event.key === 'ArrowDown', up = event.key === 'ArrowUp';
    if (!down && !up) return;
    if (b.classList.contains('ci')) {
      var rows = grid(b);
      event.preventDefault();
      rows.forEach(function (row, r) {
        var c = row.indexOf(b);
        if (c < 0) return;
        var to = rows[r + (up ? -1 : 1)];
        if (to && to[c]) { to[c].focus(); to[c].select(); }
        else if (down && rows[0][c + 1]) { rows[0][c + 1].focus(); rows[0][c + 1].select(); }
      });
    } else if (event.key === 'Enter' && b.tagName === 'INPUT' && form.hasAttribute('hx-post')) {
      event.preventDefault();
      var list = boxes(), next = list[list.indexOf(b) + 1];
      if (/^all\./.test(b.name) && form.querySelector('input.ci')) {
        // basic facts: from value to value, then on to the first empty box of the sheet
        var facts = list.filter(function (x) { return /^all\./.test(x.name); });
        next = facts[facts.indexOf(b) + 1] || list.filter(function (x) { return x.classList.contains('ci') && !x.value; })[0];
      }
      if (next) { next.focus(); if (next.select) next.select(); }
    }
  });
  document.addEventListener('keydown', function (event) {
    if ((event.ctrlKey || event.metaKey) && event.key === 's' && form.hasAttribute('hx-post')) { event.preventDefault(); save(); }
  });

  /* ---- large type: read aloud with the browser's own voice, where there is one ---- */
  var read = document.querySelector('[data-read]');
  if (read && window.speechSynthesis && window.SpeechSynthesisUtterance) {
    read.hidden = false;
    read.addEventListener('click', function () {
      var u = new window.SpeechSynthesisUtterance(document.querySelector('[data-speak]').textContent);
      u.lang = document.documentElement.lang;
      window.speechSynthesis.cancel();
      window.speechSynthesis.speak(u);
    });
  }
  form.addEventListener('submit', function () { kept = {}; all('input[name*="."]').forEach(function (b) { if (!b.readOnly && b.type !== 'hidden') kept[b.name] = b.value; }); if (form.hasAttribute('hx-post')) remember(); });
  if (document.querySelector('[data-show-k]')) show(document.querySelector('[data-show-k]').dataset.showK);
  offer();
  slots();
})();
