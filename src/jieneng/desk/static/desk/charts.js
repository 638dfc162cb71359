/* Draws every [data-chart] from the JSON inside it, as SVG and without animation. ECharts is fetched only where a chart is.
   Colours come from the tokens of ui.css, so that high contrast holds in charts too. The table beside a chart carries the exact values. */
(function () {
  'use strict';
  var here = document.currentScript, loading = false;
  var FONT = '"Segoe UI","PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif';
  function token(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
  function all(selector) { return Array.prototype.slice.call(document.querySelectorAll(selector)); }
  function number(v, places) {
    if (v === null || v === undefined || v === '-') return '';
    var text = Math.abs(v).toLocaleString('en-US', { minimumFractionDigits: places || 0, maximumFractionDigits: places === undefined || places === null ? 2 : places });
    return (v < 0 ? '−' : '') + text;
  }
  function look() {
    return { ink: token('--jn-ink'), ink2: token('--jn-ink-2'), line: token('--jn-line'), edge: token('--jn-edge'), paper: token('--jn-paper'), pri: token('--jn-pri'), grey: token('--jn-grey-t'),
      series: [1, 2, 3, 4, 5, 6].map(function (i) { return token('--jn-c' + i); }) };
  }
  function axes(l) {
    var text = { fontFamily: FONT, fontSize: 12, color: l.ink2 };
    return {
      text: text,
      category: function (data, more) {
        return Object.assign({ type: 'category', data: data, axisLine: { lineStyle: { color: l.edge } }, axisTick: { show: false }, axisLabel: text, splitLine: { show: false } }, more || {});
      },
      value: function (more) {
        return Object.assign({ type: 'value', axisLine: { show: false }, axisTick: { show: false }, axisLabel: text, splitLine: { lineStyle: { color: l.line } } }, more || {});
      }
    };
  }
  function bold(l, more) { return Object.assign({ show: true, fontFamily: FONT, fontSize: 12, color: l.ink, fontWeight: 600 }, more); }
  function nothing(v) { return v === null || v === undefined ? '-' : v; }
  /* room for the longest name: a Chinese character is 12 px wide, a Latin one 7 */
  function width(names, most) {
    var w = names.map(function (n) { return Array.from(String(n)).reduce(function (s, c) { return s + (c.charCodeAt(0) > 0x2e7f ? 12.5 : 7); }, 0); });
    return Math.min(most, Math.max.apply(null, w.concat([24])) + 10);
  }

  var FORMS = {};

  /* a few places: rows from the top in the order given, value at the end of the bar; a target is a dashed tick */
  FORMS.bars = function (d, l, box) {
    var a = axes(l), many = d.series.length > 1, keyed = many || !!d.targets, room = width(d.x, Math.round(box.clientWidth * 0.36));
    var series = d.series.map(function (s, i) {
      return { name: s.name, type: 'bar', data: s.values.map(nothing), barMaxWidth: 18, barGap: '15%', itemStyle: { color: s.fill || l.series[i] },
        label: bold(l, { position: 'right', fontWeight: many ? 400 : 600, formatter: function (p) { return number(p.value, d.places); } }) };
    });
    if (d.targets) series.push(ticks(d.targets, l, d.words.target));
    return {
      height: Math.max(120, d.x.length * (many ? 22 * d.series.length + 10 : 30) + (keyed ? 40 : 14)),
      option: {
        grid: { left: room, right: 84, top: keyed ? 30 : 4, bottom: 4 },
        legend: keyed ? { top: 0, left: 0, itemWidth: 12, itemHeight: 12, textStyle: a.text, data: series.map(function (s) { return { name: s.name, icon: s.type === 'custom' ? 'path://M5 0h2v3h-2zM5 5h2v3h-2zM5 10h2v2h-2z' : 'rect' }; }) } : undefined,
        xAxis: a.value({ min: 0, axisLabel: { show: false }, splitLine: { show: false } }),
        yAxis: a.category(d.x, { inverse: true, axisLine: { show: false }, axisLabel: Object.assign({}, a.text, { color: l.ink, width: room - 10, overflow: 'truncate' }) }),
        series: series
      }
    };
  };
  function ticks(values, l, word) {
    return { name: word, type: 'custom', silent: true, z: 5, itemStyle: { color: l.pri }, data: values.map(function (v, i) { return [nothing(v), i]; }),
      renderItem: function (p, api) {
        var q = api.coord([api.value(0), api.value(1)]), h = api.size([0, 1])[1] * 0.36;
        var line = { x1: q[0], y1: q[1] - h, x2: q[0], y2: q[1] + h };
        return { type: 'group', children: [{ type: 'line', shape: line, style: { stroke: l.paper, lineWidth: 6 } },
          { type: 'line', shape: line, style: { stroke: l.pri, lineWidth: 2.5, lineDash: [4, 3] } }] };
      } };
  }

  /* months: this year solid, last year dashed and grey, names at the lines' ends */
  FORMS.line = function (d, l) {
    var a = axes(l), solid = 0;
    var series = d.series.map(function (s) {
      var colour = s.fill || (s.dashed ? l.ink2 : l.series[solid++]);
      return { name: s.name, type: 'line', data: s.values.map(nothing), connectNulls: false, symbol: s.dashed ? 'none' : 'circle', symbolSize: 6,
        lineStyle: { color: colour, width: s.dashed ? 1.5 : 2.5, type: s.dashed ? 'dashed' : 'solid' }, itemStyle: { color: colour },
        endLabel: { show: true, formatter: s.name, color: colour, fontFamily: FONT, fontSize: 12, fontWeight: s.dashed ? 400 : 600 }, labelLayout: { moveOverlap: 'shiftY' } };
    });
    return { height: 260, option: {
      grid: { left: 6, right: width(d.series.map(function (s) { return s.name; }), 120) + 6, top: 14, bottom: 4, containLabel: true },
      xAxis: a.category(d.x, { boundaryGap: false }), yAxis: a.value({ type: d.log ? 'log' : 'value', scale: false, axisLabel: Object.assign({}, a.text, { formatter: function (v) { return number(v); } }) }), series: series } };
  };

  /* states by place: parts in the order given, separated by a gap; the counts stand in the bars where they fit */
  FORMS.stack = function (d, l, box) {
    var a = axes(l), room = width(d.x, Math.round(box.clientWidth * 0.36)), total = d.x.map(function (_, i) { return d.series.reduce(function (s, x) { return s + (x.values[i] || 0); }, 0); });
    var most = Math.max.apply(null, total.concat([1]));
    return { height: d.x.length * 30 + 40, option: {
      grid: { left: room, right: 16, top: 30, bottom: 4 }, legend: { top: 0, left: 0, icon: 'rect', itemWidth: 12, itemHeight: 12, textStyle: a.text },
      xAxis: a.value({ min: 0, max: most, axisLabel: { show: false }, splitLine: { show: false } }),
      yAxis: a.category(d.x, { inverse: true, axisLine: { show: false }, axisLabel: Object.assign({}, a.text, { color: l.ink, width: room - 10, overflow: 'truncate' }) }),
      series: d.series.map(function (s, i) {
        var fill = s.fill || l.series[i % 6], dark = lightness(fill) < 150;
        return { name: s.name, type: 'bar', stack: 'a', barMaxWidth: 18, data: s.values.map(nothing), itemStyle: { color: fill, borderColor: l.paper, borderWidth: 1 },
          label: { show: true, fontFamily: FONT, fontSize: 12, color: dark ? '#fff' : '#1b2733', formatter: function (p) { return p.value / most > 0.05 ? number(p.value, d.places) : ''; } } };
      }) } };
  };
  function lightness(hex) {
    var n = parseInt(hex.slice(1, 7), 16);
    return 0.3 * (n >> 16) + 0.59 * (n >> 8 & 255) + 0.11 * (n & 255);
  }

  /* why a total changed: first and last are totals, rises orange, falls green, the remainder (rest: its place) dashed grey and never green.
     The axis may be cut, so every value is printed. Where the parts have no room side by side they lie in rows. */
  FORMS.waterfall = function (d, l, box) {
    var a = axes(l), base = [], run = 0, last = d.values.length - 1, rest = d.rest === undefined ? -1 : d.rest, lying = box.clientWidth / d.x.length < 58;
    var parts = d.values.map(function (v, i) {
      var item = { value: Math.abs(v), itemStyle: { color: v > 0 ? l.series[1] : l.series[2] } };
      if (i === 0 || i === last) { base.push(0); run = v; item.itemStyle = { color: l.ink2 }; }
      else { base.push(v >= 0 ? run : run + v); run += v; }
      if (i === rest) item.itemStyle = { color: l.grey, borderColor: l.ink2, borderType: 'dashed', borderWidth: 1.5 };
      item.label = { position: lying ? 'right' : v < 0 ? 'bottom' : 'top' };
      return item;
    });
    var floor = Math.min.apply(null, base.filter(function (_, i) { return i > 0 && i < last; }).concat([d.values[0], d.values[last]]));
    var step = Math.pow(10, Math.max(0, Math.floor(Math.log(Math.abs(floor) || 1) / Math.LN10) - 1));
    var cut = floor > 0 ? Math.floor((floor * 0.98) / step) * step : undefined, room = width(d.x, 96);
    var amounts = a.value({ min: cut, axisLabel: Object.assign({}, a.text, { show: !lying, formatter: function (v) { return number(v, 0); } }) });
    var names = a.category(d.x, { inverse: lying, axisLabel: Object.assign({}, a.text, { interval: 0, color: l.ink, width: lying ? room - 10 : 64, overflow: lying ? 'truncate' : 'break', lineHeight: 15 }) });
    return { height: lying ? d.x.length * 30 + 12 : 300, option: {
      grid: lying ? { left: room, right: 74, top: 4, bottom: 4 } : { left: 6, right: 10, top: 26, bottom: 4, containLabel: true },
      xAxis: lying ? amounts : names, yAxis: lying ? names : amounts,
      series: [{ type: 'bar', stack: 'a', silent: true, itemStyle: { color: 'transparent' }, data: base },
        { type: 'bar', stack: 'a', barWidth: '62%', data: parts, label: bold(l, { formatter: function (p) {
          var v = d.values[p.dataIndex], total = p.dataIndex === 0 || p.dataIndex === last;
          return (total || v < 0 ? '' : '+') + number(v, d.places);
        } }) }] } };
  };

  function draw(box) {
    if (!box.clientWidth) return; /* hidden behind its table: drawn when shown */
    var source = box.querySelector('script'), d = JSON.parse(source.textContent), l = look();
    var made = FORMS[box.dataset.chart](d, l, box), old = box.querySelector('div');
    if (old) { window.echarts.dispose(old); old.remove(); }
    var div = document.createElement('div');
    box.style.height = made.height + 'px'; /* through the object model: allowed by style-src 'self' */
    div.style.height = '100%';
    box.appendChild(div);
    var chart = window.echarts.init(div, null, { renderer: 'svg' });
    chart.setOption(Object.assign(made.option, { animation: false, textStyle: { fontFamily: FONT }, tooltip: { show: false } }));
    box.dataset.drawn = '1';
  }
  function drawAll() {
    var boxes = all('[data-chart]');
    if (!boxes.length) return;
    if (window.echarts) { boxes.forEach(draw); return; }
    if (loading) return;
    loading = true;
    var s = document.createElement('script');
    s.src = here.dataset.echarts;
    s.onload = drawAll;
    s.onerror = function () { all('.chart-card').forEach(function (c) { c.classList.add('as-table'); }); };
    document.head.appendChild(s);
  }
  var waiting;
  window.addEventListener('resize', function () { clearTimeout(waiting); waiting = setTimeout(drawAll, 150); });
  document.addEventListener('jieneng:mode', drawAll);
  document.addEventListener('jieneng:part', drawAll);
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', drawAll); else drawAll();
})();
