import { softmaxInSlim } from "../../../slim.js";

export const runtime = "edge";

export const GET = async () => Response.json(await softmaxInSlim());
