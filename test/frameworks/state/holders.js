// Where applications keep a tensor or a layer: each holder takes a value and gives back what the library makes of it.
import { makeAutoObservable, observable } from "mobx";
import { createPinia, defineStore } from "pinia";
import { proxy as svelteState } from "svelte/internal/client";
import { proxy, ref as unproxied, snapshot } from "valtio/vanilla";
import { markRaw, reactive, readonly, ref, shallowReactive, shallowRef, toRaw } from "vue";

class Store {
  constructor(value) {
    this.value = value;
    makeAutoObservable(this);
  }
}

const useOptionStore = (value) => defineStore("options", { state: () => ({ value }) })(createPinia());
const useSetupStore = (value) => defineStore("setup", () => ({ value: ref(value) }))(createPinia());

/** @type {{ name: string, isSnapshot?: boolean, hold: <T>(value: T) => T }[]} */
export const holders = [
  { name: "nothing", hold: (value) => value },
  { name: "Vue's ref", hold: (value) => ref(value).value },
  { name: "Vue's shallowRef", hold: (value) => shallowRef(value).value },
  { name: "Vue's reactive", hold: (value) => reactive({ value }).value },
  { name: "Vue's reactive, in an array", hold: (value) => reactive([{ list: [value] }])[0].list[0] },
  { name: "Vue's reactive, in a Map", hold: (value) => reactive(new Map([["a", value]])).get("a") },
  { name: "Vue's shallowReactive", hold: (value) => shallowReactive({ value }).value },
  { name: "Vue's readonly", hold: (value) => readonly({ value }).value },
  { name: "Vue's readonly of reactive", hold: (value) => readonly(reactive({ value })).value },
  { name: "Vue's markRaw", hold: (value) => reactive({ value: markRaw(value) }).value },
  { name: "Vue's toRaw", hold: (value) => toRaw(reactive({ value }).value) },
  { name: "Pinia, options", hold: (value) => useOptionStore(value).value },
  { name: "Pinia, setup", hold: (value) => useSetupStore(value).value },
  { name: "valtio's proxy", hold: (value) => proxy({ value }).value },
  { name: "valtio's proxy, in an array", hold: (value) => proxy([{ list: [value] }])[0].list[0] },
  { name: "valtio's proxy, set later", hold: (value) => Object.assign(proxy({ value: null }), { value }).value },
  { name: "valtio's snapshot", isSnapshot: true, hold: (value) => snapshot(proxy({ value })).value },
  { name: "valtio's ref", hold: (value) => proxy({ value: unproxied(value) }).value },
  { name: "MobX's observable", hold: (value) => observable({ value }).value },
  { name: "MobX's observable box", hold: (value) => observable.box(value).get() },
  { name: "MobX's observable Map", hold: (value) => observable.map({ a: value }).get("a") },
  { name: "MobX's makeAutoObservable", hold: (value) => new Store(value).value },
  // What the compiler makes of $state(…).
  { name: "Svelte's $state", hold: (value) => svelteState({ value }).value },
  { name: "Svelte's $state, in an array", hold: (value) => svelteState([{ list: [value] }])[0].list[0] },
];
