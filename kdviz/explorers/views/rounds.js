// Rounds of the playground: two students of one start learn the same points, one from soft targets, one from labels.
import { softened } from "./maps.js";
import { answers, gradient, network, room, step } from "./net.js";
import { drawn, MOST } from "./plane.js";
import { forward } from "./sums.js";

export const [STEPS, RATE, LEVEL] = [500, 0.02, 0.5]; // LEVEL: points of a hundred within which nobody wins

// What the teacher says of places, row after row.
export function asked(layers, places) {
  const logits = new Float64Array((3 * places.length) / 2);
  for (let i = 0; i < places.length / 2; i++) logits.set(forward(layers, places.subarray(2 * i, 2 * i + 2)), 3 * i);
  return logits;
}

// Points, both students and the score; `grid` is where they are asked, `told` what the teacher answers there.
export function contest(layers, grid, told) {
  const self = { steps: 0, number: 0, points: null, students: [], score: null, results: [], flips: 0 };
  let [all, seeded, heard] = [null, null, 0]; // heard: of how many points the teacher's logits are there
  const logits = new Float64Array(3 * MOST);
  let wide = null; // room for what a student says everywhere: of one at a time
  self.clear = () => {
    self.score = { truth: [0, 0, 0], teacher: [0, 0, 0] };
    self.results = [];
    self.number = 0;
  };
  // The points of a state, and students that know nothing yet.
  self.restart = ({ points: count, noise, width, seed }) => {
    if (seeded !== seed) [all, seeded, heard] = [drawn(seed), seed, 0];
    if (count > heard) logits.set(asked(layers, all.places.subarray(2 * heard, 2 * count)), 3 * heard);
    heard = Math.max(heard, count);
    const labels = new Uint8Array(count);
    const flipped = new Uint8Array(count);
    for (let i = 0; i < count; i++) {
      flipped[i] = all.chance[i] < noise ? 1 : 0;
      labels[i] = flipped[i] ? all.others[i] : all.classes[i];
    }
    self.flips = flipped.reduce((sum, each) => sum + each, 0);
    self.points = { places: all.places, labels, flipped, count, soft: self.points?.soft ?? new Float64Array(3 * MOST) };
    self.students = [0, 1].map((hard) => {
      const net = network([2, width, width, 3], seed);
      if (wide?.width !== width) wide = { width, rooms: room(net, grid.count) };
      return {
        net, only: hard, rooms: room(net, count), heard: NaN, loss: NaN, wrong: NaN, agrees: NaN,
        shares: new Float64Array(3 * grid.count), called: new Uint8Array(grid.count), losses: new Float32Array(STEPS + 1), errors: new Float32Array(STEPS + 1).fill(NaN),
      };
    });
    self.steps = 0;
  };
  self.soften = (temperature) => softened(logits.subarray(0, 3 * self.points.count), temperature, self.points.soft, null);
  // What the teacher gives to its likeliest class, averaged over the points.
  self.sureness = () => {
    const { soft, count } = self.points;
    let sum = 0;
    for (let at = 0; at < 3 * count; at += 3) sum += Math.max(soft[at], soft[at + 1], soft[at + 2]);
    return sum / count;
  };
  // One step of both.
  self.step = ({ temperature, hard }) => {
    for (const student of self.students) {
      const own = student.only ? 1 : hard;
      student.loss = gradient(student.net, self.points, temperature, own, student.rooms);
      step(student.net, RATE);
      student.losses[self.steps] = student.loss;
    }
    self.steps += 1;
  };
  // What a student answers everywhere, and how much of the disc it gets wrong.
  self.ask = (student) => {
    if (student.heard === self.steps) return; // it has learnt nothing since
    student.heard = self.steps;
    const [first] = self.students;
    if (self.steps === 0 && student !== first && first.heard === 0) return alike(student, first);
    softened(answers(student.net, grid.places, grid.count, wide.rooms), 1, student.shares, student.called);
    let [wrong, agrees] = [0, 0];
    for (let i = 0; i < grid.area; i++) {
      if (student.called[i] !== grid.truth[i]) wrong += 1;
      if (student.called[i] === told[i]) agrees += 1;
    }
    student.wrong = (100 * wrong) / grid.area;
    student.agrees = (100 * agrees) / grid.area;
    student.errors[Math.max(0, self.steps - 1)] = student.wrong;
  };
  // Before the first step both answer alike.
  function alike(student, { shares, called, wrong, agrees }) {
    student.shares.set(shares);
    student.called.set(called);
    Object.assign(student, { wrong, agrees });
    student.errors[0] = wrong;
  }
  // The round is over: who is nearer the truth, and nearer the teacher?
  self.count = () => {
    self.students.forEach(self.ask);
    const [soft, hard] = self.students;
    const place = (ahead) => (Math.abs(ahead) < LEVEL ? 2 : ahead > 0 ? 0 : 1);
    const [truth, teacher] = [place(hard.wrong - soft.wrong), place(soft.agrees - hard.agrees)];
    self.score.truth[truth] += 1;
    self.score.teacher[teacher] += 1;
    self.number += 1;
    self.results.push(truth);
    return truth;
  };
  self.clear();
  return self;
}
