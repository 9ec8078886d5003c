// What recorded runs say of the operating system.
import { arch, platform, release } from "node:os";

/** The system, its kernel's release without the builder's suffix, and the processor's architecture. */
export const systemName = () => `${platform()} ${release().split("-")[0]} ${arch()}`;
