import { softmaxInSlim } from "../../slim.js";

export default () => softmaxInSlim();
