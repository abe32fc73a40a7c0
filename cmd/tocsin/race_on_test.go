//go:build race

package main

// raceDetector says that the tests were built with the race detector: it sees nothing
// of the processes that they start, and makes all else several times slower.
const raceDetector = true
