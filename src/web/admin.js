// What the server does, for who looks after it: /metrics as it is now and since this page was opened, /admin/usage by day
// and key, and what is loaded.
import {ask} from './api.js';
import {el, iconButton, replace} from './dom.js';
import {compact, count, decimal, percent, seconds, t} from './i18n.js';
import {bars, legend, lines} from './plots.js';
import {histogram, quantile, readMetrics, total} from './prometheus.js';
import {adminKey, key} from './store.js';

const kEvery = 5000;    // ms between two looks
const kKept = 720;      // looks that are kept: an hour
const kMostSeries = 4;  // keys with a colour of their own
const kDays = 30;

const kLatencies = [['adminTtft', 'time_to_first_token_seconds'], ['adminBetween', 'inter_token_latency_seconds'],
                    ['adminQueued', 'request_queue_time_seconds'], ['adminWhole', 'e2e_request_latency_seconds']];

// The ISO day so many days ago.
const dayAgo = (days) => new Date(Date.now() - days * 24 * 3600 * 1000).toISOString().slice(0, 10);

function block(title, ...children) {
  return el('section.block', {}, el('h2', {}, title), ...children);
}

function figure(name, value) {
  return el('div.figure', {}, el('strong', {}, value), el('span', {}, name));
}

function table(heads, rows) {
  return el('div.table-box', {tabIndex: 0}, el('table', {},
    el('thead', {}, el('tr', {}, heads.map((one) => el('th', {scope: 'col'}, one)))),
    el('tbody', {}, rows.map((cells) => el('tr', {}, cells.map((one) => el('td', {}, el('bdi', {}, one))))))));
}

const time = (s) => (s < 1 ? t('millis', {n: count(s * 1000)}) : seconds(s * 1000));

// Of a key, as the server lists it.
function stateOf(one) {
  if (one.revoked) return t('adminRevoked');
  if (one.expires && Date.parse(one.expires) < Date.now()) return t('adminExpired');
  return one.role === 'admin' ? t('adminRole') : t('adminValid');
}

// Its own ask(): the admin's key, and none of the page's if there is one.
const get = (path, signal) => ask(path, undefined, signal, adminKey.get() || key.get());

export class AdminView {
  constructor(app) {
    this.app = app;
    this.looks = [];
    this.stopper = new AbortController();
    this.problem = el('p.problem', {role: 'alert', hidden: true});
    this.now = el('div.figure-row');
    this.activity = el('div.plots');
    this.latency = el('div.plots');
    this.tiers = el('div.plots');
    this.usage = el('div.plots');
    this.loaded = el('div');
    this.keyBox = el('input', {type: 'password', autocomplete: 'off', dir: 'ltr', value: adminKey.get(), placeholder: t('keyHint'),
                               'aria-label': t('adminKey')});
    this.keyBox.addEventListener('change', () => {
      adminKey.set(this.keyBox.value.trim());
      this.begin();
    });
    this.node = el('div.admin', {},
      el('header.admin-head', {}, el('h1', {}, t('admin')), el('label.key', {}, el('span', {}, t('adminKey')), this.keyBox),
         iconButton('again', t('adminAgain'), () => this.begin())),
      this.problem, this.now,
      block(t('adminActivity'), this.activity), block(t('adminLatency'), this.latency), block(t('adminTiers'), this.tiers),
      block(t('adminUsage'), this.usage), block(t('adminLoaded'), this.loaded));
    this.begin();
  }

  begin() {
    clearTimeout(this.timer);
    this.stopper.abort();  // what is still on its way was asked with another key
    this.stopper = new AbortController();
    this.looks = [];
    this.look();
    this.drawUsage();
    this.drawLoaded();
  }

  close() {
    clearTimeout(this.timer);
    this.stopper.abort();
  }

  fail(error) {
    this.problem.hidden = false;
    this.problem.textContent = error.status === 401 || error.status === 403 ? t('adminWantsKey') : error.message;
  }

  async look() {
    clearTimeout(this.timer);
    const {signal} = this.stopper;
    try {
      const samples = readMetrics(await (await get('metrics', signal)).text());
      if (signal.aborted) return;
      this.problem.hidden = true;
      this.looks.push({at: Date.now(), samples});
      if (this.looks.length > kKept) this.looks.shift();
      this.drawNow();
      this.timer = setTimeout(() => this.look(), kEvery);
    } catch (error) {
      if (signal.aborted) return;
      this.fail(error);
      if (error.status !== 401 && error.status !== 403) this.timer = setTimeout(() => this.look(), kEvery);
    }
  }

  // What a counter gained each second, between one look and the next.
  rate(name) {
    return this.looks.slice(1).map((look, i) => {
      const before = this.looks[i];
      const gained = total(look.samples, name) - total(before.samples, name);
      return [look.at, Math.max(0, gained) / ((look.at - before.at) / 1000 || 1)];
    });
  }
  gauge(name) {
    return this.looks.map((look) => [look.at, total(look.samples, name)]);
  }

  drawNow() {
    const {samples} = this.looks.at(-1);
    const of = (name, labels) => total(samples, `dsa_${name}`, labels);
    const asked = of('prefix_cache_queries_total');
    const ram = of('prefix_cache_tier_hits_total', {tier: 'ram'});
    const disk = of('prefix_cache_tier_hits_total', {tier: 'disk'});
    replace(this.now,
      figure(t('adminRunning'), count(of('num_requests_running'))), figure(t('adminWaiting'), count(of('num_requests_waiting'))),
      figure(t('adminCacheUsed'), percent(of('kv_cache_usage_perc') / Math.max(1, this.app.models.length))),
      figure(t('adminHits'), asked ? percent((ram + disk) / asked) : '–'), figure(t('adminWritten'), compact(of('generation_tokens_total'))),
      figure(t('adminAnswers'), compact(of('request_success_total'))));
    const since = [[0, t('adminAgo', {time: time((Date.now() - this.looks[0].at) / 1000)})], [1, t('adminNow')]];
    const number = (n) => (n < 10 ? decimal(n) : compact(n));
    replace(this.activity,
      el('figure', {}, el('figcaption', {}, t('adminQueue')), legend([t('adminRunning'), t('adminWaiting')]),
         lines(t('adminQueue'), [{points: this.gauge('dsa_num_requests_running')}, {points: this.gauge('dsa_num_requests_waiting')}], number, since)),
      el('figure', {}, el('figcaption', {}, t('adminSpeed')), legend([t('adminWriting'), t('adminReading')]),
         lines(t('adminSpeed'), [{points: this.rate('dsa_generation_tokens_total')}, {points: this.rate('dsa_prompt_tokens_computed_total')}], number, since)));
    replace(this.latency, kLatencies.map(([words, name]) => this.latencyPlot(t(words), histogram(samples, `dsa_${name}`))));
    const parts = [ram, disk, Math.max(0, asked - ram - disk)];
    replace(this.tiers, el('figure', {}, legend([t('adminRam'), t('adminDisk'), t('adminComputed')]),
      el('div.shares', {role: 'img', 'aria-label': parts.map((n) => percent(asked ? n / asked : 0)).join(', ')},
         asked ? parts.map((n, i) => {
           const bar = el(`span.series-${i}`, {title: count(n)}, n > 0 ? percent(n / asked) : '');
           bar.style.flexGrow = n;
           return bar;
         }) : el('p.none', {}, t('plotNothing')))));
  }

  latencyPlot(words, one) {
    const bound = (value) => (value === null ? '–' : value === Infinity ? '∞' : time(value));
    const last = one.counts.reduce((at, n, i) => (n > 0 ? i : at), -1);
    const rows = one.counts.slice(0, last + 1).map((n, i) => ({label: bound(one.bounds[i] ?? Infinity), parts: [n], title: `≤ ${bound(one.bounds[i] ?? Infinity)}: ${count(n)}`}));
    return el('figure', {}, el('figcaption', {}, words, el('small', {}, t('adminQuantiles', {half: bound(quantile(one, 0.5)), most: bound(quantile(one, 0.95)), n: count(one.sum)}))),
              bars(words, rows, compact));
  }

  async drawUsage() {
    let rows, known;
    const {signal} = this.stopper;
    try {
      rows = (await (await get(`admin/usage?since=${dayAgo(kDays - 1)}`, signal)).json()).data;
      known = (await (await get('admin/keys', signal)).json()).keys;
    } catch (error) {
      if (error.name !== 'AbortError') replace(this.usage, el('p.none', {}, error.status === 404 ? t('adminNoLedger') : error.message));
      return;
    }
    const none = {requests: 0, hit: 0, miss: 0, output: 0, cost: 0, currency: rows[0]?.currency ?? ''};
    const keys = new Map(known.map((one) => [one.id, {...none, ...one}]));
    for (const row of rows) {
      const sum = keys.get(row.key) ?? {...none, owner: row.owner};
      sum.requests += row.requests;
      sum.hit += row.prompt_cache_hit_tokens;
      sum.miss += row.prompt_cache_miss_tokens;
      sum.output += row.completion_tokens;
      sum.cost += Number(row.cost);
      keys.set(row.key, sum);
    }
    const order = [...keys].sort(([, a], [, b]) => b.cost - a.cost);
    const paying = order.filter(([, sum]) => sum.requests > 0);
    const shown = paying.slice(0, kMostSeries).map(([id]) => id);
    const rest = paying.length > kMostSeries;
    const names = [...shown.map((id) => keys.get(id).owner || id), ...(rest ? [t('adminOthers')] : [])];
    const byDay = (value) => Array.from({length: kDays}, (_, i) => {
      const day = dayAgo(kDays - 1 - i);
      const parts = names.map(() => 0);
      for (const row of rows)
        if (row.day === day) parts[shown.includes(row.key) ? shown.indexOf(row.key) : shown.length] += value(row);
      return {label: day.slice(5), title: `${day}: ${decimal(parts.reduce((a, b) => a + b, 0), 4)}`, parts};
    });
    const money = (n) => decimal(n, n < 1 ? 4 : 2);
    const tokens = (row) => row.prompt_cache_hit_tokens + row.prompt_cache_miss_tokens + row.completion_tokens;
    replace(this.usage,
      el('figure', {}, el('figcaption', {}, t('adminCostByDay', {currency: rows[0]?.currency ?? ''})), legend(names),
         bars(t('adminCostByDay', {currency: ''}), rows.length ? byDay((row) => Number(row.cost)) : [], money)),
      el('figure', {}, el('figcaption', {}, t('adminTokensByDay')), legend(names),
         bars(t('adminTokensByDay'), rows.length ? byDay(tokens) : [], compact)),
      table([t('adminOwner'), t('adminKeyId'), t('adminState'), t('adminRequests'), t('adminHit'), t('adminMiss'), t('adminOutput'), t('costs'),
             t('adminLeft')],
            order.map(([id, sum]) => [sum.owner, id, stateOf(sum), count(sum.requests), compact(sum.hit), compact(sum.miss), compact(sum.output),
                                      `${money(sum.cost)} ${sum.currency}`, sum.balance ? money(Number(sum.balance)) : '–'])));
  }

  async drawLoaded() {
    let list;
    try {
      list = (await (await get('v1/models', this.stopper.signal)).json()).data;
    } catch (error) {
      if (error.name !== 'AbortError') replace(this.loaded, el('p.none', {}, error.message));
      return;
    }
    replace(this.loaded, table([t('model'), t('adminContext'), t('topK'), t('adminIndexer'), t('adminKernels')],
      list.map((one) => [one.id, count(one.context_window), one.dsa?.top_k ? count(one.dsa.top_k) : t('dense'), one.dsa?.indexer ?? '–', one.dsa?.kernels ?? '–'])));
  }
}
