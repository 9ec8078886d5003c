import { softmaxInSlim } from "../../slim.js";

export const config = { runtime: "edge" };

const answer = async () => Response.json(await softmaxInSlim());
export default answer;
