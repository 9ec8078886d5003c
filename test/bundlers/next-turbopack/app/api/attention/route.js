import { attendInBoth } from "../../../attend.js";

export const runtime = "edge";

export const GET = async () => Response.json(await attendInBoth());
