// Among the pages: of a route below app/ Next.js 16.4 makes no edge function that works, if webpack builds it.
import { learn } from "../../learn-by-bare-import.js";

export const config = { runtime: "edge" };

const answer = async () => Response.json(await learn());
export default answer;
