// One question, two answers side by side: dense beside sparse, two models, two widths of selection.
import {Answer, fieldsOf} from './answer.js';
import {Composer} from './composer.js';
import {firstDifference, rangeOfWord, repetition, shownText, wordAt, wordCount} from './differ.js';
import {el, everyFrame, put, replace} from './dom.js';
import {count, percent, seconds, speed, t} from './i18n.js';
import {AnswerView, questionView} from './message.js';
import {costText} from './stats.js';
import {choices} from './store.js';
import {contentOf, newId, titleOf} from './tree.js';

const kNames = ['A', 'B'];
const kVotes = ['a', 'same', 'b', 'bad'];

function labelOf(side) {
  return [side.model, side.attention !== 'auto' && t(side.attention), side.top_k && t('topN', {n: count(side.top_k)})].filter(Boolean).join(' · ');
}

function row(name, left, right) {
  return el('tr', {}, el('th', {scope: 'row'}, name), el('td', {}, left), el('td', {}, right));
}

// The figures of two answers.
function figures(answers) {
  const both = (show) => answers.map((one) => (one ? show(one) : ''));
  return el('table.figures', {},
            el('thead', {}, el('tr', {}, el('td'), kNames.map((name) => el('th', {scope: 'col'}, name)))),
            el('tbody', {},
               row(t('time'), ...both((one) => seconds(one.stats.allMs))),
               row(t('firstToken'), ...both((one) => (one.stats.firstMs ? seconds(one.stats.firstMs) : '–'))),
               row(t('speed'), ...both((one) => (one.stats.tokS ? speed(one.stats.tokS) : '–'))),
               row(t('lengthTokens'), ...both((one) => count(one.stats.tokens))),
               row(t('lengthWords'), ...both((one) => count(wordCount(one.text)))),
               row(t('repeated'), ...both((one) => percent(repetition(one.text)))),
               answers.some((one) => one && costText(one.stats)) && row(t('costs'), ...both((one) => costText(one.stats) ?? '–'))));
}

/// One question and its two answers.
class RoundView {
  constructor(round, blind, voted) {
    this.round = round;
    this.hidden = () => blind && !round.vote;
    this.voted = voted;
    this.columns = [0, 1].map((place) => new AnswerView(this.nameOf(place)));
    this.difference = el('p.difference', {role: 'status'});
    this.table = el('div.table');
    this.votes = el('div.votes', {role: 'group', 'aria-label': t('vote')});
    this.node = el('section.round', {}, questionView(round), el('div.columns', {}, this.columns.map((one) => one.node)),
                   el('div.verdict', {}, this.difference, this.table, this.votes));
  }

  // What stands at a place: unnamed until the vote, if it is blind.
  nameOf(place) {
    return this.hidden() ? kNames[place] : `${kNames[place]} · ${labelOf(this.round.sides[this.round.order[place]])}`;
  }

  draw(answers, running) {
    const placed = this.round.order.map((side) => answers[side]);
    this.columns.forEach((column, place) => {
      const answer = placed[place];
      if (answer) column.update({...answer, error: answer.error?.message ?? answer.error}, Boolean(answer.running));
      if (answer?.stats && !this.hidden()) column.live(answer.stats);
    });
    this.drawDifference(placed, running);
    replace(this.table, running ? null : figures(placed));
    this.drawVotes(running);
  }

  drawDifference(placed, running) {
    const texts = this.columns.map((column) => shownText(column.body));
    const at = placed.every(Boolean) ? firstDifference(...texts, !running) : -1;
    this.ranges = at < 0 ? [] : this.columns.map((column) => rangeOfWord(column.body, at)).filter(Boolean);
    const shown = texts.map((text) => wordAt(text, at) || t('itsEnd'));
    if (at >= 0) this.difference.textContent = t('differsAt', {n: count(at + 1), left: shown[0], right: shown[1]});
    else this.difference.textContent = !running && texts[0] ? t('sameWords') : '';
  }

  drawVotes(running) {
    if (running) return replace(this.votes);
    return replace(this.votes, kVotes.map((vote) =>
      el('button.quiet', {type: 'button', 'aria-pressed': String(this.round.vote === vote), onclick: () => {
        this.round.vote = this.round.vote === vote ? null : vote;
        this.voted(this);
      }}, t(`vote_${vote}`))));
  }

  rename() {
    this.columns.forEach((column, place) => column.rename(this.nameOf(place)));
  }
}

export class CompareView {
  constructor(app, conversation) {
    this.app = app;
    this.conversation = conversation;
    conversation.sides ??= this.firstSides();
    this.rounds = [];
    this.sides = el('div.sides');
    this.list = el('div.messages', {role: 'log', 'aria-label': t('messages')});
    this.scroller = el('div.scroller', {}, this.sides, this.list);
    this.composer = new Composer({send: (question) => this.send(question), stop: () => this.stop()});
    this.node = el('section.view.compare', {}, this.scroller, el('div.dock', {}, this.composer.node));
    this.composer.dropOn(this.node);
    this.drawSides();
    for (const round of conversation.rounds) this.add(round);
    this.composer.setBusy(false);
  }

  close() {
    this.stop();
    CSS.highlights?.delete('difference');
  }
  stop() {
    for (const answer of this.running ?? []) answer.stop();
  }
  modelChanged() {}

  // Sparse beside dense where the model has both, else two models.
  firstSides() {
    const model = this.app.model();
    if (model?.dsa?.top_k) return ['sparse', 'dense'].map((attention) => ({model: model.id, attention, top_k: null}));
    return [model, this.app.models.find((one) => one !== model) ?? model].map((one) => ({model: one?.id ?? '', attention: 'auto', top_k: null}));
  }

  drawSides() {
    const {sides} = this.conversation;
    const blind = el('input', {type: 'checkbox', checked: Boolean(this.conversation.blind), onchange: () => {
      this.conversation.blind = blind.checked;
    }});
    replace(this.sides, sides.map((side, i) => this.sideCard(side, kNames[i])),
            el('div.about', {}, el('label.check', {title: t('blindTitle')}, blind, el('span', {}, t('blind'))), this.tally()));
  }

  sideCard(side, name) {
    const model = this.app.modelOf(side.model);
    const change = (what) => {
      Object.assign(side, what);
      this.drawSides();
    };
    const option = (value, text, now) => el('option', {value, selected: value === now}, text);
    const modelBox = el('select', {'aria-label': t('model'), onchange: () => change({model: modelBox.value})},
                        this.app.models.map((one) => option(one.id, one.id, side.model)));
    const attention = el('select', {'aria-label': t('attention'), onchange: () => change({attention: attention.value})},
                         ['auto', 'sparse', 'dense'].map((one) => option(one, t(one), side.attention)));
    const width = el('input', {type: 'number', min: 1, max: model?.dsa?.top_k, value: side.top_k ?? '', dir: 'ltr',
                               placeholder: t('topN', {n: count(model?.dsa?.top_k ?? 0)}), 'aria-label': t('topK'),
                               onchange: () => change({top_k: width.value ? Number(width.value) : null})});
    const sparse = Boolean(model?.dsa?.top_k);
    return el('fieldset.side', {}, el('legend', {}, name), modelBox, sparse && attention, sparse && side.attention !== 'dense' && width);
  }

  // How the votes on these two stand, over all that is kept.
  tally() {
    const [left, right] = this.conversation.sides.map(labelOf);
    const sums = {a: 0, b: 0, same: 0, bad: 0};
    for (const other of [this.conversation, ...this.app.sidebar.all.filter((one) => one.kind === 'compare' && one.id !== this.conversation.id)])
      for (const round of other.rounds) {
        const labels = round.sides.map(labelOf);
        if (!round.vote || !labels.includes(left) || !labels.includes(right)) continue;
        if (round.vote === 'same' || round.vote === 'bad') ++sums[round.vote];
        else ++sums[labels[round.order[round.vote === 'a' ? 0 : 1]] === left ? 'a' : 'b'];
      }
    if (!Object.values(sums).some(Boolean)) return el('small', {}, t('noVotes'));
    return el('small', {}, t('tally', {left, right, a: count(sums.a), b: count(sums.b), same: count(sums.same + sums.bad)}));
  }

  add(round) {
    const view = new RoundView(round, this.conversation.blind, () => {
      view.rename();
      view.draw(round.answers, false);
      this.drawSides();
      this.app.save(this.conversation);
    });
    this.rounds.push(view);
    put(this.list, view.node);
    if (round.answers.every(Boolean)) view.draw(round.answers, false);
    return view;
  }

  // What each side has said before is its own past.
  messagesFor(side, question) {
    const {system} = choices.get();
    const past = this.conversation.rounds.filter((round) => round.answers[side]?.text).flatMap((round) =>
      [{role: 'user', content: contentOf(round)}, {role: 'assistant', content: round.answers[side].text}]);
    return [...(system ? [{role: 'system', content: system}] : []), ...past, {role: 'user', content: contentOf(question)}];
  }

  async send(question) {
    if (this.running) return;
    const messages = [0, 1].map((side) => this.messagesFor(side, question));
    // Both draw alike: where they differ, the model or its attention does.
    const seed = choices.get().seed ?? crypto.getRandomValues(new Uint32Array(1))[0];
    const round = {id: newId(), ...question, at: Date.now(), seed, answers: [null, null], vote: null,
                   sides: structuredClone(this.conversation.sides),
                   order: this.conversation.blind && Math.random() < 0.5 ? [1, 0] : [0, 1]};
    this.conversation.rounds.push(round);
    this.conversation.updated = round.at;
    if (!this.conversation.title) this.conversation.title = titleOf(question.text || question.files[0].name);
    const view = this.add(round);
    const draw = everyFrame(() => {
      view.draw(this.snapshots(), Boolean(this.running));
      this.highlight(view);
      this.scroller.scrollTop = this.scroller.scrollHeight;
    });
    this.running = [0, 1].map(() => new Answer(draw));
    this.answers = this.running;
    this.composer.setBusy(true);
    this.app.save(this.conversation);
    await Promise.all(this.answers.map((answer, i) => {
      const side = round.sides[i];
      const fields = fieldsOf({...choices.get(), ...side, seed}, this.app.modelOf(side.model));
      return answer.run('v1/chat/completions', {...fields, messages: messages[i]});
    }));
    round.answers = this.snapshots().map(({text, reasoning, stats, error}) => ({text, reasoning, stats, error: error?.message, phase: 'done'}));
    this.running = null;
    this.composer.setBusy(false);
    view.draw(round.answers, false);
    this.highlight(view);
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.app.say(t('answeredBoth'));
    await this.app.save(this.conversation);
  }

  snapshots() {
    return this.answers.map((answer) => ({...answer, running: answer.running, stats: answer.stats()}));
  }

  highlight(view) {
    if (globalThis.Highlight && CSS.highlights) CSS.highlights.set('difference', new Highlight(...view.ranges));
  }
}
