// Among the pages: of a route below app/ Next.js 16.4 makes no edge function that works, if webpack builds it.
import { attendInBoth } from "../../attend.js";

export const config = { runtime: "edge" };

const answer = async () => Response.json(await attendInBoth());
export default answer;
