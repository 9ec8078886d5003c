// What a reload leaves: the training in IndexedDB. One put is one transaction: whoever is interrupted in it leaves the old
// training whole.
import { createStore, del, get, set } from "./node_modules/idb-keyval/dist/index.js";

/**
 * The losses of all steps, and the accuracy on the validation after each epoch.
 * @typedef {{ losses: number[], accuracies: number[] }} Curve
 * @typedef {{ trainingState: Uint8Array, curve: Curve }} KeptTraining
 */

const store = createStore("train-in-page", "training");
const KEY = "latest";

/** @returns {Promise<KeptTraining | undefined>} */
export const loadTraining = () => get(KEY, store);

/** @param {KeptTraining} training */
export const keepTraining = (training) => set(KEY, training, store);

export const forgetTraining = () => del(KEY, store);
