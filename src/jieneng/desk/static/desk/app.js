/* Keyboard, accessibility bar, menu, tree, chart switch, copying of numbers. Loaded in the head so that size and contrast are set
   before anything is painted; everything else waits for the page. Written for Chromium 86: no optional chaining on calls, no modules. */
(function () {
  'use strict';
  var root = document.documentElement, store = {};
  root.classList.add('js');

  /* ---- what the person chose, remembered on this computer ---- */
  function load() {
    try { store = JSON.parse(localStorage.getItem('jieneng') || '{}') || {}; } catch (e) { store = {}; }
  }
  function save() {
    try { localStorage.setItem('jieneng', JSON.stringify(store)); } catch (e) { /* private window: not remembered */ }
  }
  function size() { return typeof store.size === 'number' ? store.size : 1; }
  function apply() {
    for (var i = 0; i <= 4; i++) root.classList.toggle('z' + i, i !== 1 && size() === i);
    root.classList.toggle('hc', !!store.contrast);
    root.classList.toggle('lh', !!store.lines);
  }
  load(); apply();

  function all(selector, from) { return Array.prototype.slice.call((from || document).querySelectorAll(selector)); }
  function near(target, selector) { return target instanceof Element ? target.closest(selector) : null; }
  function typing(el) { return !!near(el, 'input,textarea,select,[contenteditable]'); }

  function showModes() {
    all('[data-mode=contrast]').forEach(function (b) { b.setAttribute('aria-pressed', String(!!store.contrast)); });
    all('[data-mode=lines]').forEach(function (b) { b.setAttribute('aria-pressed', String(!!store.lines)); });
    all('[data-mode-said]').forEach(function (s) { s.textContent = size() === 1 ? '' : s.dataset.words + ' ' + [90, 100, 115, 130, 150][size()] + '%'; });
  }
  function mode(what) {
    if (what === 'bigger') store.size = Math.min(4, size() + 1);
    if (what === 'smaller') store.size = Math.max(0, size() - 1);
    if (what === 'contrast') store.contrast = !store.contrast;
    if (what === 'lines') store.lines = !store.lines;
    if (what === 'reset') { store.size = 1; store.contrast = store.lines = false; }
    save(); apply(); showModes();
    document.dispatchEvent(new Event('jieneng:mode'));
  }

  /* ---- tree: open and close; a branch fetched once is not fetched again ---- */
  function toggleBranch(button, open) {
    var list = button.parentElement.nextElementSibling;
    if (!list) return;
    var now = open === undefined ? button.getAttribute('aria-expanded') !== 'true' : open;
    button.setAttribute('aria-expanded', String(now));
    list.hidden = !now;
  }

  /* ---- chart or table ---- */
  function view(card, what) {
    card.classList.toggle('as-table', what === 'table');
    all('[data-view]', card).forEach(function (b) { b.setAttribute('aria-pressed', String(b.dataset.view === what)); });
    if (what === 'chart') document.dispatchEvent(new Event('jieneng:mode'));
  }

  function openKeys() {
    var d = document.getElementById('keys');
    if (d && d.showModal && !d.open) d.showModal();
  }
  function toggleAccess() {
    var bar = document.getElementById('access');
    if (!bar) return;
    bar.hidden = !bar.hidden;
    all('[data-access][aria-expanded]').forEach(function (b) { b.setAttribute('aria-expanded', String(!bar.hidden)); });
    if (!bar.hidden) { bar.scrollIntoView({ block: 'nearest' }); bar.querySelector('button').focus(); }
  }

  document.addEventListener('click', function (event) {
    var b;
    if ((b = near(event.target, '[data-mode]'))) return mode(b.dataset.mode);
    if (near(event.target, '[data-access]')) return toggleAccess();
    if (near(event.target, '[data-keys]')) return openKeys();
    if (near(event.target, '[data-print]')) return window.print();
    if ((b = near(event.target, '[data-menu]'))) {
      b.setAttribute('aria-expanded', String(root.classList.toggle('menu')));
      return;
    }
    if ((b = near(event.target, '[data-tree]'))) return toggleBranch(b);
    if ((b = near(event.target, '[data-view]'))) return view(b.closest('.chart-card'), b.dataset.view);
    all('details.me[open]').forEach(function (d) { if (!d.contains(event.target)) d.open = false; });
  });

  document.addEventListener('change', function (event) {
    var box = near(event.target, '[data-show]');
    if (box) document.getElementById(box.dataset.show).type = box.checked ? 'text' : 'password';
    if (near(event.target, '[data-keys-off]')) { store.keysOff = event.target.checked; save(); }
  });

  /* ---- keys (UI.md 12): single letters only outside fields, and they can be turned off ---- */
  var leading = 0;
  document.addEventListener('keydown', function (event) {
    var caps = document.querySelector('[data-caps]');
    if (caps && event.getModifierState && typing(event.target)) caps.textContent = event.getModifierState('CapsLock') ? caps.dataset.caps : '';
    if (event.key === 'Escape') {
      root.classList.remove('menu');
      all('[data-menu]').forEach(function (b) { b.setAttribute('aria-expanded', 'false'); });
      all('details.me[open]').forEach(function (d) { d.open = false; d.querySelector('summary').focus(); });
    }
    var branch = near(event.target, 'button.tw-b');
    if (branch && (event.key === 'ArrowRight' || event.key === 'ArrowLeft')) {
      var open = branch.getAttribute('aria-expanded') === 'true';
      if (open !== (event.key === 'ArrowRight')) branch.click();
      event.preventDefault();
      return;
    }
    if (store.keysOff || typing(event.target) || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    if (leading && Date.now() - leading < 1500) {
      leading = 0;
      var link = /^[a-z]$/.test(event.key) ? document.querySelector('[data-go="' + event.key + '"]') : null;
      if (link) { event.preventDefault(); location.assign(link.href); }
      return;
    }
    if (event.key === 'g') leading = Date.now();
    else if (event.key === '?') { event.preventDefault(); openKeys(); }
    else if (event.key === '/') {
      var find = document.querySelector('[data-find]');
      if (!find) return;
      event.preventDefault();
      if (!find.offsetParent) root.classList.add('menu');
      find.focus();
    } else if (keyed(event.key)) {
      event.preventDefault();
    } else if (event.key === 't' || event.key === 'T') {
      all('.chart-card').forEach(function (c) { view(c, c.classList.contains('as-table') ? 'chart' : 'table'); });
    }
  });

  /* the page's own keys: data-key="r" on a link, a button, or a details whose form opens with the focus on its first box; nothing is sent by a letter alone */
  function keyed(key) {
    var name = key.length === 1 ? key.toLowerCase() : key;
    var wanted = all('[data-key]').filter(function (x) { return x.dataset.key.split(' ').indexOf(name) >= 0 && x.getClientRects().length; })[0];
    if (!wanted) return false;
    if (wanted.tagName === 'DETAILS') {
      all('details[data-key][open]').forEach(function (d) { if (d !== wanted) d.open = false; });
      wanted.open = !wanted.open;
      var box = wanted.open ? wanted.querySelector('[data-first]') : wanted.querySelector('summary');
      if (box) box.focus();
    } else wanted.click();
    return true;
  }

  /* ---- a list to choose from: its form says that something is chosen, so that the bar of actions stays in sight (:has is too new) ---- */
  function picked(form) { form.classList.toggle('picked', !!form.querySelector('[data-pick]:checked')); }
  document.addEventListener('change', function (event) {
    var box = near(event.target, '[data-pick]');
    if (box && box.form) picked(box.form);
  });

  /* ---- copying: numbers lose their separators and get a plain minus, cell by cell ---- */
  var NUMBER = /^([−-]?)(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(\s?[^\d\s,.]\S*)?$/;
  document.addEventListener('copy', function (event) {
    if (typing(event.target)) return;
    var text = String(document.getSelection());
    if (!/[,−]/.test(text)) return;
    var plain = text.split(/(\t|\n)/).map(function (part) {
      var m = NUMBER.exec(part.trim());
      return m ? (m[1] ? '-' : '') + m[2].replace(/,/g, '') + (m[3] || '') + (m[4] || '') : part;
    }).join('');
    if (plain === text) return;
    event.clipboardData.setData('text/plain', plain);
    event.preventDefault();
  });

  /* ---- htmx: branches once; a session that ended shows the sign-in page whole, not inside a part ---- */
  document.addEventListener('htmx:beforeRequest', function (event) {
    var b = near(event.detail.elt, 'button.tw-b');
    if (!b) return;
    if (b.dataset.loaded) { event.preventDefault(); toggleBranch(b); }
  });
  document.addEventListener('htmx:afterRequest', function (event) {
    var b = near(event.detail.elt, 'button.tw-b');
    if (b && event.detail.successful) { b.dataset.loaded = '1'; b.setAttribute('aria-expanded', 'true'); }
  });
  document.addEventListener('htmx:beforeSwap', function (event) {
    var from = event.detail.xhr && event.detail.xhr.responseURL;
    if (from && new URL(from).pathname !== new URL(event.detail.pathInfo.finalRequestPath || event.detail.pathInfo.requestPath, location.href).pathname) {
      event.detail.shouldSwap = false;
      location.reload();
    }
  });
  document.addEventListener('htmx:afterSwap', function () { document.dispatchEvent(new Event('jieneng:part')); });

  /* a button that was pressed says so and keeps its width; a second press does nothing */
  document.addEventListener('submit', function (event) {
    var form = event.target, b = event.submitter || form.querySelector('button:not([type=button])');
    if (form.method !== 'post' || !b) return;
    if (b.dataset.confirm && !window.confirm(b.dataset.confirm)) { event.preventDefault(); return; }
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = '1';
    b.classList.add('busy');
    setTimeout(function () { delete form.dataset.sent; b.classList.remove('busy'); }, 8000);
  });
  window.addEventListener('pageshow', function () {
    all('form[data-sent]').forEach(function (f) { delete f.dataset.sent; });
    all('.busy').forEach(function (b) { b.classList.remove('busy'); });
  });

  document.addEventListener('DOMContentLoaded', function () {
    all('[data-pick]:checked').forEach(function (box) { if (box.form) picked(box.form); });
    showModes();
    all('[data-keys-off]').forEach(function (box) { box.checked = !!store.keysOff; });
    var on = document.querySelector('.rv-list .on');
    if (on) on.parentNode.scrollTop = Math.max(0, on.offsetTop - on.parentNode.offsetTop - 160);
    /* where list and finding stand below each other, the finding that was asked for comes into view */
    if (on && /[?&]f=/.test(location.search) && window.innerWidth <= 1100) document.getElementById('finding').scrollIntoView();
    var first = document.querySelector('[data-focus]');
    if (first) first.focus();
  });
})();
