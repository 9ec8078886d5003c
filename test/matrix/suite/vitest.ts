/**
 * What the tests import as "vitest", for hosts in which vitest itself can't run: its own runner and expectations, without
 * its processes, files and mocks.
 */
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  GLOBAL_EXPECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
} from "@vitest/expect";

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);

const matchers = globalThis as unknown as Record<symbol, object>;

export const expect = Object.assign(
  (value: unknown, message?: string) => chai.expect(value, message),
  chai.expect,
  matchers[ASYMMETRIC_MATCHERS_OBJECT],
);

// The matchers look up their custom equality testers there.
Object.defineProperty(globalThis, GLOBAL_EXPECT, { value: expect, configurable: true });

export { afterAll, afterEach, beforeAll, beforeEach, describe, it, test } from "@vitest/runner";
