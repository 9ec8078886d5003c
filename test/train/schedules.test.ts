/** Schedules: worked examples, ends, and what they refuse. */
import { expect, it } from "vitest";
import {
  constantSchedule,
  cosineSchedule,
  inverseSqrtSchedule,
  linearSchedule,
  noamSchedule,
  oneCycleSchedule,
  type Schedule,
} from "../../ts/entry/train.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrows } from "../support/expect-error.js";
import { withoutLeak } from "../support/without-leak.js";

forEachArithmetic(() => {
  const options = { warmupSteps: 10, totalSteps: 100 };
  const at = (schedule: Schedule, steps: readonly number[]): number[] =>
    steps.map((step) => Number(schedule(step).toFixed(7)));

  it("are as worked out by hand", () => {
    withoutLeak(() => {
      const steps = [5, 55, 99];
      expect(at(linearSchedule(options), steps)).toEqual([0.5, 0.5, 0.0111111]);
      expect(at(cosineSchedule(options), steps)).toEqual([0.5, 0.5, 0.0003046]);
      expect(at(inverseSqrtSchedule({ warmupSteps: 10 }), steps)).toEqual([0.5, 0.4264014, 0.3178209]);
      expect(at(oneCycleSchedule({ totalSteps: 100 }), steps)).toEqual([0.1087086, 0.6965137, 0.000004]);
    });
  });

  it("begin at 0, and stay at their end", () => {
    withoutLeak(() => {
      expect(at(constantSchedule({ warmupSteps: 4 }), [0, 1, 4, 1e6])).toEqual([0, 0.25, 1, 1]);
      expect(at(constantSchedule(), [0])).toEqual([1]);
      expect(at(linearSchedule({ totalSteps: 4 }), [0, 1, 4, 5])).toEqual([1, 0.75, 0, 0]);
      expect(at(linearSchedule({ warmupSteps: 4, totalSteps: 4 }), [3, 4])).toEqual([0.75, 0]);
      expect(at(cosineSchedule({ ...options, least: 0.1 }), [0, 10, 100, 150])).toEqual([0, 1, 0.1, 0.1]);
      expect(at(noamSchedule({ dModel: 64, warmupSteps: 4 }), [0, 3, 15])).toEqual([1 / 64, 1 / 16, 1 / 32]);
      expect(at(oneCycleSchedule({ totalSteps: 10 }), [0, 2])).toEqual([0.04, 1]);
      for (const totalSteps of [1, 2, 3, 4]) {
        expect(at(oneCycleSchedule({ totalSteps }), [totalSteps - 1])).toEqual([0.000004]);
      }
    });
  });

  it("refuse what doesn't fit", () => {
    const refused = (call: () => unknown, message: RegExp): void => {
      expectThrows(call, RangeError, "ERR_INVALID_VALUE", message);
    };
    refused(() => linearSchedule({ warmupSteps: 5, totalSteps: 4 }), /linearSchedule: totalSteps: .*at least 5/);
    refused(() => cosineSchedule({ totalSteps: 4.5 }), /cosineSchedule: totalSteps/);
    refused(() => constantSchedule({ warmupSteps: -1 }), /constantSchedule: warmupSteps/);
    refused(() => inverseSqrtSchedule({ warmupSteps: 0 }), /inverseSqrtSchedule: warmupSteps/);
    refused(() => noamSchedule({ dModel: 0, warmupSteps: 1 }), /noamSchedule: dModel/);
    refused(() => oneCycleSchedule({ totalSteps: 0 }), /oneCycleSchedule: totalSteps/);
    refused(() => oneCycleSchedule({ totalSteps: 3 })(3), /oneCycleSchedule: steps: .*less than totalSteps, 3/);
    refused(() => constantSchedule()(-1), /constantSchedule: steps/);
    expectThrows(
      () => linearSchedule({ warmup_steps: 1, totalSteps: 4 } as never),
      TypeError,
      "ERR_INVALID_TYPE",
      /did you mean warmupSteps/,
    );
    expectThrows(() => linearSchedule({} as never), TypeError, "ERR_INVALID_TYPE", /totalSteps/);
  });
});
