package wording

import (
	"fmt"
	"time"
)

const clock = "15:04"

func italian() Words {
	return Words{
		Lang:  "it",
		Where: "Dove:", When: "Quando:", WhatToDo: "Che cosa fare:",
		FullText: "Testo ufficiale completo:", Source: "Fonte:", Code: "Codice allerta:",
		Contact: "Contatti:", MoreInfo: "Altre informazioni:",
		Reason: "Motivo:", Notice: "Avviso", ReadMore: "Testo:",
		other: "e un’altra zona", others: "e altre %d zone",
		UnnamedArea:   "zona senza nome",
		RevokedText:   "Il messaggio precedente è revocato: non tenerne conto.",
		RevokedAdvice: "Non è richiesta alcuna azione. Per ogni dubbio consultare il sito ufficiale.",
		Doubted:       "In verifica",
		DoubtedText:   "Stiamo verificando il messaggio precedente: alcune informazioni potrebbero non essere esatte.",
		DoubtedAdvice: "Resta prudente, segui le indicazioni delle autorità sul posto e aspetta il prossimo messaggio ufficiale.",
		CodeLabel:     "Codice allerta", AddressOnCard: "Testo ufficiale completo",
		CheckOnCard: "Inquadra per verificare il messaggio", QRCode: "Codice QR:",
		MapLabel: "Mappa:", AreaOnMap: "Area interessata",
		ShapeAlone: "Solo la forma dell’area, senza confini comunali", Borders: "Confini:",
		drills: [3]drillWords{
			Exercise: {"ESERCITAZIONE", "ESERCITAZIONE – Non c’è alcun pericolo reale.", "ESERCITAZIONE – Questo messaggio è una prova.", "Esercitazione"},
			Test:     {"TEST", "TEST – Non c’è alcun pericolo reale.", "TEST – Questo messaggio è una prova tecnica.", "Test"},
		},
		acts: [acts]string{"", "Aggiornamento", "Fine allerta", "Revoca", "Proroga", "Innalzamento", "Declassamento"},
		became: [fates]string{
			"AGGIORNATO – Questo messaggio non vale più. Leggi quello nuovo: %s",
			"FINE ALLERTA – Questo messaggio non vale più: %s",
			"REVOCATO – Non tenere conto di questo messaggio: %s",
			"IN VERIFICA – Stiamo verificando questo messaggio: %s",
			"SCADUTO – Questo messaggio valeva fino alle %s.",
		},
		colours:    [levels]string{"Allerta", "Allerta verde", "Allerta gialla", "Allerta arancione", "Allerta rossa"},
		severities: [levels]string{"Avviso", "Pericolo lieve", "Pericolo moderato", "Pericolo grave", "Pericolo estremo"},
		seasons:    [2]string{"ora solare", "ora legale"},
		days:       [7]string{"domenica", "lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato"},
		shortDays:  [7]string{"dom", "lun", "mar", "mer", "gio", "ven", "sab"},
		months:     [12]string{"gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre"},
		moment:     italianMoment,
		period:     italianPeriod,
		shortly: func(w Words, p Period) string {
			at := func(t time.Time, date string) string {
				return fmt.Sprintf("%s di %s %s", w.hour(t, p.seasonal()), w.shortDay(t), t.Format(date))
			}
			if p.sameDay() {
				return fmt.Sprintf("dalle %s alle %s", w.hour(p.From, p.seasonal()), at(p.Until, "2/1"))
			}
			return between(p, at, "2/1", "2/1/2006", "dalle %s alle %s", "fino alle %s")
		},
	}
}

func italianDate(w Words, t time.Time) string {
	day := fmt.Sprint(t.Day())
	if t.Day() == 1 {
		day = "1°"
	}
	return fmt.Sprintf("%s %s %s", w.day(t), day, w.month(t))
}

func italianMoment(w Words, t time.Time) string {
	return fmt.Sprintf("%s di %s %d", w.hour(t, twice(t)), italianDate(w, t), t.Year())
}

func italianPeriod(w Words, p Period) string {
	from, until := w.hour(p.From, p.seasonal()), w.hour(p.Until, p.seasonal())
	switch end := italianDate(w, p.Until) + p.Until.Format(" 2006"); {
	case p.From.IsZero():
		return fmt.Sprintf("fino alle %s di %s", until, end)
	case p.sameDay():
		return fmt.Sprintf("dalle %s alle %s di %s", from, until, end)
	default:
		return fmt.Sprintf("dalle %s di %s%s alle %s di %s", from, italianDate(w, p.From), p.yearOfFrom(), until, end)
	}
}

func english() Words {
	return Words{
		Lang:  "en",
		Where: "Where:", When: "When:", WhatToDo: "What to do:",
		FullText: "Full official text:", Source: "Source:", Code: "Alert code:",
		Contact: "Contact:", MoreInfo: "More information:",
		Reason: "Reason:", Notice: "Notice", ReadMore: "Text:",
		other: "and one other area", others: "and %d other areas",
		UnnamedArea:   "area without a name",
		RevokedText:   "The earlier message is revoked: disregard it.",
		RevokedAdvice: "No action is required. If in doubt, see the official site.",
		Doubted:       "Being verified",
		DoubtedText:   "The earlier message is being verified: some of its information may not be correct.",
		DoubtedAdvice: "Stay cautious, follow the instructions of the authorities on site, and wait for the next official message.",
		CodeLabel:     "Alert code", AddressOnCard: "Full official text",
		CheckOnCard: "Scan to check this message", QRCode: "QR code:",
		MapLabel: "Map:", AreaOnMap: "Affected area",
		ShapeAlone: "Shape of the area only, no municipal borders", Borders: "Borders:",
		drills: [3]drillWords{
			Exercise: {"EXERCISE", "EXERCISE – There is no real danger.", "EXERCISE – This message is a drill.", "Exercise"},
			Test:     {"TEST", "TEST – There is no real danger.", "TEST – This message is a technical test.", "Test"},
		},
		acts: [acts]string{"", "Update", "All clear", "Revoked", "Extended", "Level raised", "Level lowered"},
		became: [fates]string{
			"UPDATED – This message is no longer valid. Read the new one: %s",
			"ALL CLEAR – This message is no longer valid: %s",
			"REVOKED – Disregard this message: %s",
			"BEING VERIFIED – We are verifying this message: %s",
			"EXPIRED – This message was valid until %s.",
		},
		colours:    [levels]string{"Alert", "Green alert", "Yellow alert", "Orange alert", "Red alert"},
		severities: [levels]string{"Notice", "Minor danger", "Moderate danger", "Severe danger", "Extreme danger"},
		seasons:    [2]string{"winter time", "summer time"},
		days:       [7]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
		shortDays:  [7]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"},
		months:     [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
		moment:     englishMoment,
		period:     englishPeriod,
		shortly: func(w Words, p Period) string {
			at := func(t time.Time, date string) string {
				return fmt.Sprintf("%s %s %s", w.hour(t, p.seasonal()), w.shortDay(t), t.Format(date))
			}
			if p.sameDay() {
				return fmt.Sprintf("from %s to %s", w.hour(p.From, p.seasonal()), at(p.Until, "2 Jan"))
			}
			return between(p, at, "2 Jan", "2 Jan 2006", "from %s to %s", "until %s")
		},
	}
}

func englishDate(w Words, t time.Time) string {
	return fmt.Sprintf("%s %d %s", w.day(t), t.Day(), w.month(t))
}

func englishMoment(w Words, t time.Time) string {
	return fmt.Sprintf("%s on %s %d", w.hour(t, twice(t)), englishDate(w, t), t.Year())
}

func englishPeriod(w Words, p Period) string {
	from, until := w.hour(p.From, p.seasonal()), w.hour(p.Until, p.seasonal())
	switch end := englishDate(w, p.Until) + p.Until.Format(" 2006"); {
	case p.From.IsZero():
		return fmt.Sprintf("until %s on %s", until, end)
	case p.sameDay():
		return fmt.Sprintf("from %s to %s on %s", from, until, end)
	default:
		return fmt.Sprintf("from %s on %s%s to %s on %s", from, englishDate(w, p.From), p.yearOfFrom(), until, end)
	}
}

func german() Words {
	return Words{
		Lang:  "de",
		Where: "Wo:", When: "Wann:", WhatToDo: "Was zu tun ist:",
		FullText: "Vollständiger amtlicher Text:", Source: "Quelle:", Code: "Warncode:",
		Contact: "Kontakt:", MoreInfo: "Weitere Informationen:",
		Reason: "Grund:", Notice: "Hinweis", ReadMore: "Text:",
		other: "und ein weiteres Gebiet", others: "und %d weitere Gebiete",
		UnnamedArea:   "Gebiet ohne Namen",
		RevokedText:   "Die frühere Meldung ist widerrufen: Bitte nicht mehr beachten.",
		RevokedAdvice: "Es ist nichts zu tun. Im Zweifel gilt die amtliche Website.",
		Doubted:       "Wird geprüft",
		DoubtedText:   "Die frühere Meldung wird geprüft: Einige Angaben könnten nicht stimmen.",
		DoubtedAdvice: "Bleiben Sie vorsichtig, folgen Sie den Anweisungen der Behörden vor Ort und warten Sie auf die nächste amtliche Meldung.",
		CodeLabel:     "Warncode", AddressOnCard: "Vollständiger amtlicher Text",
		CheckOnCard: "Scannen und Meldung prüfen", QRCode: "QR-Code:",
		MapLabel: "Karte:", AreaOnMap: "Betroffenes Gebiet",
		ShapeAlone: "Nur die Form des Gebiets, ohne Gemeindegrenzen", Borders: "Grenzen:",
		drills: [3]drillWords{
			Exercise: {"ÜBUNG", "ÜBUNG – Es besteht keine wirkliche Gefahr.", "ÜBUNG – Diese Meldung ist eine Probe.", "Übung"},
			Test:     {"TEST", "TEST – Es besteht keine wirkliche Gefahr.", "TEST – Diese Meldung ist eine technische Probe.", "Test"},
		},
		acts: [acts]string{"", "Aktualisierung", "Entwarnung", "Widerruf", "Verlängerung", "Stufe erhöht", "Stufe gesenkt"},
		became: [fates]string{
			"AKTUALISIERT – Diese Meldung gilt nicht mehr. Die neue lesen: %s",
			"ENTWARNUNG – Diese Meldung gilt nicht mehr: %s",
			"WIDERRUFEN – Bitte diese Meldung nicht mehr beachten: %s",
			"WIRD GEPRÜFT – Diese Meldung wird gerade geprüft: %s",
			"ABGELAUFEN – Diese Meldung galt bis %s.",
		},
		colours:    [levels]string{"Warnung", "Warnstufe Grün", "Warnstufe Gelb", "Warnstufe Orange", "Warnstufe Rot"},
		severities: [levels]string{"Hinweis", "Geringe Gefahr", "Mäßige Gefahr", "Große Gefahr", "Extreme Gefahr"},
		unit:       " Uhr",
		seasons:    [2]string{"Winterzeit", "Sommerzeit"},
		days:       [7]string{"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
		shortDays:  [7]string{"So", "Mo", "Di", "Mi", "Do", "Fr", "Sa"},
		months:     [12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
		moment:     germanMoment,
		period:     germanPeriod,
		shortly: func(w Words, p Period) string {
			at := func(t time.Time, date string) string {
				return fmt.Sprintf("%s, %s, %s", w.shortDay(t), t.Format(date), w.hour(t, p.seasonal()))
			}
			if p.sameDay() {
				return fmt.Sprintf("%s, %s, %s", w.shortDay(p.Until), p.Until.Format("2.1."), germanHours(w, p))
			}
			return between(p, at, "2.1.", "2.1.2006", "von %s bis %s", "bis %s")
		},
	}
}

func germanDate(w Words, t time.Time) string {
	return fmt.Sprintf("%s, %d. %s", w.day(t), t.Day(), w.month(t))
}

// germanHours says the hours of one day, "Uhr" once where that is enough.
func germanHours(w Words, p Period) string {
	if p.seasonal() {
		return fmt.Sprintf("von %s bis %s", w.hour(p.From, true), w.hour(p.Until, true))
	}
	return fmt.Sprintf("von %s bis %s", p.From.Format(clock), w.hour(p.Until, false))
}

func germanMoment(w Words, t time.Time) string {
	return fmt.Sprintf("%s, %s %d", w.hour(t, twice(t)), germanDate(w, t), t.Year())
}

func germanPeriod(w Words, p Period) string {
	from, until := w.hour(p.From, p.seasonal()), w.hour(p.Until, p.seasonal())
	switch end := germanDate(w, p.Until) + p.Until.Format(" 2006"); {
	case p.From.IsZero():
		return fmt.Sprintf("bis %s, %s", end, until)
	case p.sameDay():
		return fmt.Sprintf("%s, %s", end, germanHours(w, p))
	default:
		return fmt.Sprintf("von %s%s, %s, bis %s, %s", germanDate(w, p.From), p.yearOfFrom(), from, end, until)
	}
}

func french() Words {
	return Words{
		Lang:  "fr",
		Where: "Où :", When: "Quand :", WhatToDo: "Que faire :",
		FullText: "Texte officiel complet :", Source: "Source :", Code: "Code d’alerte :",
		Contact: "Contact :", MoreInfo: "Plus d’informations :",
		Reason: "Motif :", Notice: "Avis", ReadMore: "Texte :",
		other: "et une autre zone", others: "et %d autres zones",
		UnnamedArea:   "zone sans nom",
		RevokedText:   "Le message précédent est révoqué : n’en tenez pas compte.",
		RevokedAdvice: "Aucune action n’est nécessaire. En cas de doute, consultez le site officiel.",
		Doubted:       "En cours de vérification",
		DoubtedText:   "Le message précédent est en cours de vérification : certaines informations pourraient ne pas être exactes.",
		DoubtedAdvice: "Restez prudents, suivez les consignes des autorités sur place et attendez le prochain message officiel.",
		CodeLabel:     "Code d’alerte", AddressOnCard: "Texte officiel complet",
		CheckOnCard: "Scannez pour vérifier le message", QRCode: "Code QR :",
		MapLabel: "Carte :", AreaOnMap: "Zone concernée",
		ShapeAlone: "Forme de la zone seule, sans limites communales", Borders: "Limites :",
		drills: [3]drillWords{
			Exercise: {"EXERCICE", "EXERCICE – Il n’y a aucun danger réel.", "EXERCICE – Ce message fait partie d’un exercice.", "Exercice"},
			Test:     {"TEST", "TEST – Il n’y a aucun danger réel.", "TEST – Ce message est un essai technique.", "Test"},
		},
		acts: [acts]string{"", "Mise à jour", "Fin d’alerte", "Révocation", "Prolongation", "Niveau relevé", "Niveau abaissé"},
		became: [fates]string{
			"MIS À JOUR – Ce message n’est plus valable. Lisez le nouveau : %s",
			"FIN D’ALERTE – Ce message n’est plus valable : %s",
			"RÉVOQUÉ – Ne tenez pas compte de ce message : %s",
			"EN COURS DE VÉRIFICATION – Nous vérifions ce message : %s",
			"EXPIRÉ – Ce message était valable jusqu’à %s.",
		},
		colours:    [levels]string{"Alerte", "Alerte verte", "Alerte jaune", "Alerte orange", "Alerte rouge"},
		severities: [levels]string{"Avis", "Danger faible", "Danger modéré", "Danger grave", "Danger extrême"},
		seasons:    [2]string{"heure d’hiver", "heure d’été"},
		days:       [7]string{"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"},
		shortDays:  [7]string{"dim.", "lun.", "mar.", "mer.", "jeu.", "ven.", "sam."},
		months:     [12]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"},
		moment:     frenchMoment,
		period:     frenchPeriod,
		shortly: func(w Words, p Period) string {
			at := func(t time.Time, date string) string {
				return fmt.Sprintf("%s %s à %s", w.shortDay(t), t.Format(date), w.hour(t, p.seasonal()))
			}
			if p.sameDay() {
				return fmt.Sprintf("le %s %s de %s à %s", w.shortDay(p.Until), p.Until.Format("2/1"), w.hour(p.From, p.seasonal()), w.hour(p.Until, p.seasonal()))
			}
			return between(p, at, "2/1", "2/1/2006", "du %s au %s", "jusqu’au %s")
		},
	}
}

func frenchDate(w Words, t time.Time) string {
	day := fmt.Sprint(t.Day())
	if t.Day() == 1 {
		day = "1er"
	}
	return fmt.Sprintf("%s %s %s", w.day(t), day, w.month(t))
}

func frenchMoment(w Words, t time.Time) string {
	return fmt.Sprintf("%s, %s %d", w.hour(t, twice(t)), frenchDate(w, t), t.Year())
}

func frenchPeriod(w Words, p Period) string {
	from, until := w.hour(p.From, p.seasonal()), w.hour(p.Until, p.seasonal())
	switch end := frenchDate(w, p.Until) + p.Until.Format(" 2006"); {
	case p.From.IsZero():
		return fmt.Sprintf("jusqu’au %s à %s", end, until)
	case p.sameDay():
		return fmt.Sprintf("le %s de %s à %s", end, from, until)
	default:
		return fmt.Sprintf("du %s%s à %s au %s à %s", frenchDate(w, p.From), p.yearOfFrom(), from, end, until)
	}
}

// hour says the time of day, and where it must be said, by which of the two clocks of the
// year.
func (w Words) hour(t time.Time, seasonal bool) string {
	text := t.Format(clock) + w.unit
	if !seasonal {
		return text
	}
	season := w.seasons[0]
	if t.IsDST() {
		season = w.seasons[1]
	}
	return text + " (" + season + ")"
}

// between says a period of two moments, with their years only where these
// differ.
func between(p Period, at func(t time.Time, date string) string, date, dateAndYear, both, only string) string {
	switch {
	case p.From.IsZero():
		return fmt.Sprintf(only, at(p.Until, date))
	case p.yearOfFrom() != "":
		date = dateAndYear
	}
	return fmt.Sprintf(both, at(p.From, date), at(p.Until, date))
}
