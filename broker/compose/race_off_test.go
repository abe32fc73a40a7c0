//go:build !race

package compose_test

// raceDetector says that the tests were built with the race detector.
const raceDetector = false
