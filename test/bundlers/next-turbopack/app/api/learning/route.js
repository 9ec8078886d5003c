import { learn } from "../../../learn-by-bare-import.js";

export const runtime = "edge";

export const GET = async () => Response.json(await learn());
