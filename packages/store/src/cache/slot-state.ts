// What the state of a slot says of it and of the row that it holds.

/** The row's bytes are in the slot. */
export const LOADED = 1
/** They are being read into it. */
export const LOADING = 2
/** They are newer than the source's. */
export const DIRTY = 4
/** They are being written to the source, as they were when that began. */
export const WRITING = 8
/** The slot is given up once the row is clean, unless somebody asks for the row before. */
export const LEAVING = 16
/** The row was forgotten; the slot is free once its I/O is over. */
export const DROPPED = 32
/** The row was prefetched, and nobody has used it yet. */
export const UNUSED = 64
/** A lease of the row was announced and has not come: while nobody uses it, it is ahead. */
export const ANNOUNCED = 128
/** It is being written straight from the slot: nobody may use it meanwhile. */
export const FROZEN = 256
/** One user of the row; the rest of the state counts them. */
export const PIN = 512

/** Stands for a slot where there is none yet. */
export const NONE = 0xffff_ffff
