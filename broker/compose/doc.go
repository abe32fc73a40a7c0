// Package compose makes a bulletin of a CAP message: every post for every channel,
// as final bytes, before anyone signs. Limits and lint are here, because after
// the signature nobody shortens, escapes or translates a public text.
//
// What a channel can show, package adapters says as [adapters.Limits]; compose
// knows no platform. For each channel it takes the first text of an ordered list
// of wordings that fits, from the one that tells most. Nothing is ever cut off in
// the middle: a wording leaves whole parts out, and says where the full text
// stands; [LeftOut] says which parts. A page holds the whole text, or there is no
// bulletin. Steps of an instruction are never told without what they hold under,
// such as an exercise's "do nothing now". Where no wording fits, [FitError] names
// the channel, the limit and what to shorten.
//
// The steps, and the doors to them:
//
//   - [Reissue] turns a message that others wrote into an exercise of our own.
//   - [New] makes the first bulletin of an alert, [Next] every later one.
//   - [Cancel] writes the message that revokes an alert.
//   - [LeftOut] says what of a message each channel's posts do not hold.
//   - [Lint] holds a bulletin against the rules for public texts; New and Next
//     fail on its errors.
//
// The package does no I/O, signs nothing and decides nothing about who may: it
// only says what would be shown.
package compose
