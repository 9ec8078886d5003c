// Libraries that look for changes walk through the state: through tensors and layers too, also disposed ones.
import { autorun, observable, runInAction, toJS } from "mobx";
import { proxy, snapshot, subscribe } from "valtio/vanilla";
import { computed, nextTick, reactive, ref, watch } from "vue";
import { init, Linear, scope, Tensor } from "wasm-attention";

beforeAll(async () => {
  await init();
});

const make = () => ({ layer: new Linear(1, 1), tensor: Tensor.from([1]) });

describe("Vue", () => {
  test("a deep watch", async () => {
    const state = reactive({ ...make(), count: 0 });
    let calls = 0;
    watch(state, () => (calls += 1), { deep: true });
    state.count += 1;
    await nextTick();
    state.layer.dispose();
    state.tensor.dispose();
    state.count += 1;
    await nextTick();
    state.layer = new Linear(1, 1);
    await nextTick();
    expect(calls).toBe(3);
  });

  test("a computed result follows the layer and the input", () => {
    const layer = ref(null);
    const input = ref(Tensor.from([[2]]));
    const output = computed(() =>
      layer.value === null ? null : scope(() => layer.value.forward(input.value).toNested()),
    );
    expect(output.value).toBe(null);
    const linear = new Linear(1, 1);
    linear.loadStateDict({ weight: { data: [3], shape: [1, 1] }, bias: { data: [1], shape: [1] } });
    layer.value = linear;
    expect(output.value).toEqual([[7]]);
    input.value = Tensor.from([[5]]);
    expect(output.value).toEqual([[16]]);
  });
});

describe("valtio", () => {
  test("snapshots and subscriptions", async () => {
    const state = proxy({ ...make(), count: 0 });
    let calls = 0;
    subscribe(state, () => (calls += 1));
    state.count += 1;
    await Promise.resolve();
    const earlier = snapshot(state);
    state.layer.dispose();
    state.tensor.dispose();
    state.count += 1;
    await Promise.resolve();
    expect([earlier.count, snapshot(state).count]).toEqual([1, 2]);
    expect(calls).toBe(2);
  });
});

describe("MobX", () => {
  test("autorun and toJS", () => {
    const state = observable({ ...make(), count: 0 });
    const seen = [];
    autorun(() => seen.push([state.count, state.tensor.disposed]));
    runInAction(() => {
      state.tensor.dispose();
      state.count += 1;
    });
    expect(seen).toEqual([
      [0, false],
      [1, true],
    ]);
    expect(toJS(state).layer).toBe(state.layer);
  });
});
