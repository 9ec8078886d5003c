import { createApp, h, ref } from "vue";
import AttentionWeights from "./AttentionWeights.vue";
import { inputs, parameters } from "./example.js";
import { publish } from "./page.js";

const isShown = ref(true);
// Deep on purpose: the component gets a proxy of the tensor.
const input = ref(inputs[0]);
publish(
  (value) => (isShown.value = value),
  (value) => (input.value = value),
);
createApp({
  render: () => (isShown.value ? h(AttentionWeights, { parameters, input: input.value }) : null),
}).mount("main");
