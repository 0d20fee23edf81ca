import { expect, test } from 'vitest';
import { secondsLeft, Throughput } from './throughput';

test('a steady rate is measured', () => {
  const throughput = new Throughput();
  for (let second = 0; second <= 4; second += 1) throughput.record(second * 1_000_000, second * 1_000);
  expect(throughput.bytesPerSecond()).toBe(1_000_000);
});

test('nothing is said before half a second', () => {
  const throughput = new Throughput();
  expect(throughput.bytesPerSecond()).toBeNull();
  throughput.record(0, 0);
  throughput.record(1_000, 499);
  expect(throughput.bytesPerSecond()).toBeNull();
  throughput.record(1_000, 500);
  expect(throughput.bytesPerSecond()).toBe(2_000);
});

test('only the last eight seconds count', () => {
  const throughput = new Throughput();
  throughput.record(0, 0);
  throughput.record(80_000_000, 8_000);
  for (let second = 9; second <= 20; second += 1)
    throughput.record(80_000_000 + (second - 8) * 1_000, second * 1_000);
  expect(throughput.bytesPerSecond()).toBe(1_000);
});

test('a tail that was taken back starts the measure afresh', () => {
  const throughput = new Throughput();
  throughput.record(5_000, 0);
  throughput.record(9_000, 1_000);
  throughput.record(4_000, 2_000);
  expect(throughput.bytesPerSecond()).toBeNull();
});

test('the time left follows from rate and rest', () => {
  expect(secondsLeft(25, 100, 25)).toBe(3);
  expect(secondsLeft(100, 100, 25)).toBe(0);
  expect(secondsLeft(25, 100, null)).toBeNull();
  expect(secondsLeft(25, 100, 0)).toBeNull();
});
