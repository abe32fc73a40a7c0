package pages

import (
	"cmp"
	"fmt"

	"tocsin/templates/wording"
)

// words are the frame's texts in one language, beside those that all public texts
// share. Every field is set in every language; a test holds that.
type words struct {
	wording.Words
	Colon, Skip, Alerts, OfficialSite, PageLanguages, TextLanguages string
	CurrentTitle, NoneTitle, NoneText, Reload                       string
	RecentTitle, RecentNote, ReadAll, Danger                        string
	AreasLabel, ValidLabel, IssuerLabel                             string
	EventLabel, BulletinLabel, DigestLabel                          string
	DigestNote, CAPLabel, From, Until                               string
	EarlierTitle, EarlierNote, ReplacedBy, RevokedBulletin          string
	RevokedNote, ExpiredNote, EndedNote                             string
	CheckTitle, CheckText, CheckButton, CheckHint                   string
	GenuineTitle, GenuineText, Stale, UnknownTitle, UnknownText     string
	OtherTitle, OtherSite, OtherCode, Number, ClosedTitle           string
	MissingTitle, MissingText, Home                                 string
	ChannelsTitle, ChannelsText, Policy, Data, Feed                 string
	StateInForce, StateRevoked, StateExpired                        string
	FirstIssue                                                      string
}

// wordsFor returns the frame's texts in lang, or in Italian where the frame does
// not speak it.
func wordsFor(lang string) words {
	switch lang {
	case "en":
		return english()
	case "de":
		return german()
	case "fr":
		return french()
	}
	return italian()
}

// StateWord returns the word for a state.
func (w words) StateWord(s State) string {
	switch s {
	case Ended:
		return w.Act(wording.AllClear)
	case Revoked:
		return w.StateRevoked
	case Expired:
		return w.StateExpired
	default:
		return w.StateInForce
	}
}

// ActWord returns the word for an act, the first one's too.
func (w words) ActWord(a wording.Act) string { return cmp.Or(w.Act(a), w.FirstIssue) }

// Replaced says which bulletin replaces one.
func (w words) Replaced(by int) string { return fmt.Sprintf(w.ReplacedBy, by) }

// Numbered writes the number of a bulletin: "n. 2", "Nr. 2".
func (w words) Numbered(n int) string { return fmt.Sprintf(w.Number, n) }

// Outdated says which bulletin is valid instead of the one that was asked for.
func (w words) Outdated(newest int) string { return fmt.Sprintf(w.Stale, newest) }

func italian() words {
	return words{
		Words: wording.For("it"),
		Colon: ":", Skip: "Vai al contenuto", Alerts: "Allerte", OfficialSite: "Sito ufficiale delle allerte",
		PageLanguages: "Lingua della pagina", TextLanguages: "Leggi il testo in",
		CurrentTitle: "Allerte in corso", NoneTitle: "Nessuna allerta in corso",
		NoneText:    "In questo momento non ci sono allerte di questo ente in vigore.",
		Reload:      "Ricarica la pagina per vedere la situazione del momento.",
		RecentTitle: "Concluse di recente", RecentNote: "Non sono più in vigore.",
		ReadAll: "Leggi il testo completo", Danger: "In caso di pericolo immediato chiama il 112.",
		AreasLabel: "Zone", ValidLabel: "Validità", IssuerLabel: "Emessa da",
		EventLabel: "Evento", BulletinLabel: "Bollettino",
		DigestLabel: "Impronta SHA-256 del bollettino firmato",
		DigestNote:  "Serve a chi vuole verificare le firme con strumenti propri.",
		CAPLabel:    "Messaggio CAP firmato (XML)", From: "dalle", Until: "fino alle",
		EarlierTitle: "Bollettini precedenti", EarlierNote: "Non valgono più: restano qui perché chiunque possa controllarli.",
		ReplacedBy: "Sostituito dal bollettino n. %d", RevokedBulletin: "Revocato",
		RevokedNote: "Questa allerta è stata revocata: non tenerne conto.",
		ExpiredNote: "Questa allerta non è più in vigore: la validità è terminata.",
		EndedNote:   "Il pericolo segnalato da questa allerta è cessato.",
		CheckTitle:  "Verifica un messaggio",
		CheckText:   "Hai visto un’allerta sui social o in chat? Ogni messaggio autentico porta un codice: scrivilo qui e confronta il testo con quello pubblicato su questo sito.",
		CheckButton: "Verifica", CheckHint: "per esempio SV-7F3K2; va bene anche la riga o l’indirizzo in cui sta",
		GenuineTitle:  "Il codice è autentico",
		GenuineText:   "Confronta ora il messaggio che hai ricevuto con il testo completo: deve dire le stesse cose.",
		Stale:         "Il messaggio con questo codice non è più attuale: vale il bollettino n. %d.",
		ClosedTitle:   "Revocate o cessate",
		Number:        "n.\u00a0%d",
		OtherTitle:    "L’indirizzo non è nostro",
		OtherSite:     "Attenzione: l’indirizzo che hai scritto non è di questo sito. La pagina a cui porta potrebbe essere falsa: non aprirla e non diffonderla.",
		OtherCode:     "Il codice esiste. L’allerta con questo codice è qui:",
		UnknownTitle:  "Codice sconosciuto",
		UnknownText:   "Da questo sito non risulta alcuna allerta con questo codice. Controlla di averlo scritto bene. Se il messaggio si presenta come nostro, potrebbe essere falso: non diffonderlo e segui i canali ufficiali.",
		MissingTitle:  "Pagina non trovata",
		MissingText:   "A questo indirizzo non c’è nulla. Le allerte pubblicate non vengono mai cancellate: forse l’indirizzo è stato copiato male.",
		Home:          "Vai alle allerte in corso",
		ChannelsTitle: "Canali ufficiali",
		ChannelsText:  "Solo questi profili pubblicano le nostre allerte. In caso di dubbio vale ciò che è scritto su questo sito.",
		Policy:        "Regole di pubblicazione", Data: "Dati aperti (JSON)", Feed: "Feed Atom",
		StateInForce: "In vigore", StateRevoked: "Allerta revocata", StateExpired: "Non più in vigore",
		FirstIssue: "Emissione",
	}
}

func english() words {
	return words{
		Words: wording.For("en"),
		Colon: ":", Skip: "Skip to content", Alerts: "Alerts", OfficialSite: "Official alert site",
		PageLanguages: "Page language", TextLanguages: "Read the text in",
		CurrentTitle: "Current alerts", NoneTitle: "No alert in force",
		NoneText:    "At this moment this authority has no alert in force.",
		Reload:      "Reload the page to see the situation at this moment.",
		RecentTitle: "Recently ended", RecentNote: "They are no longer in force.",
		ReadAll: "Read the full text", Danger: "In immediate danger call 112.",
		AreasLabel: "Areas", ValidLabel: "Valid", IssuerLabel: "Issued by",
		EventLabel: "Event", BulletinLabel: "Bulletin",
		DigestLabel: "SHA-256 of the signed bulletin",
		DigestNote:  "For those who want to check the signatures with their own tools.",
		CAPLabel:    "Signed CAP message (XML)", From: "from", Until: "until",
		EarlierTitle: "Earlier bulletins", EarlierNote: "No longer valid: they stay here so that anyone can check them.",
		ReplacedBy: "Replaced by bulletin no. %d", RevokedBulletin: "Revoked",
		RevokedNote: "This alert has been revoked: disregard it.",
		ExpiredNote: "This alert is no longer in force: its validity has ended.",
		EndedNote:   "The danger that this alert warned of is over.",
		CheckTitle:  "Check a message",
		CheckText:   "Have you seen an alert on social media or in a chat? Every genuine message carries a code: type it here and compare the text with the one published on this site.",
		CheckButton: "Check", CheckHint: "for example SV-7F3K2; the line or the address that it stands in will do",
		GenuineTitle:  "The code is genuine",
		GenuineText:   "Now compare the message that you received with the full text: it must say the same.",
		Stale:         "The message with this code is out of date: bulletin no. %d is valid now.",
		ClosedTitle:   "Revoked or ended",
		Number:        "No.\u00a0%d",
		OtherTitle:    "The address is not ours",
		OtherSite:     "Careful: the address that you typed is not of this site. The page that it leads to may be fake: do not open it and do not share it.",
		OtherCode:     "The code exists. The alert with this code is here:",
		UnknownTitle:  "Unknown code",
		UnknownText:   "This site knows of no alert with this code. Check that you typed it correctly. If the message claims to be ours, it may be false: do not pass it on, and follow the official channels.",
		MissingTitle:  "Page not found",
		MissingText:   "There is nothing at this address. Published alerts are never deleted: perhaps the address was copied wrongly.",
		Home:          "Go to the current alerts",
		ChannelsTitle: "Official channels",
		ChannelsText:  "Only these profiles publish our alerts. In case of doubt, what this site says is valid.",
		Policy:        "Publication policy", Data: "Open data (JSON)", Feed: "Atom feed",
		StateInForce: "In force", StateRevoked: "Alert revoked", StateExpired: "No longer in force",
		FirstIssue: "First issue",
	}
}

func german() words {
	return words{
		Words: wording.For("de"),
		Colon: ":", Skip: "Zum Inhalt", Alerts: "Warnungen", OfficialSite: "Amtliche Seite für Warnungen",
		PageLanguages: "Sprache der Seite", TextLanguages: "Den Text lesen auf",
		CurrentTitle: "Aktuelle Warnungen", NoneTitle: "Keine Warnung in Kraft",
		NoneText:    "Zurzeit ist keine Warnung dieser Behörde in Kraft.",
		Reload:      "Laden Sie die Seite neu, um den Stand des Augenblicks zu sehen.",
		RecentTitle: "Vor kurzem beendet", RecentNote: "Sie sind nicht mehr in Kraft.",
		ReadAll: "Den vollständigen Text lesen", Danger: "Bei unmittelbarer Gefahr rufen Sie die 112.",
		AreasLabel: "Gebiete", ValidLabel: "Gültigkeit", IssuerLabel: "Herausgegeben von",
		EventLabel: "Ereignis", BulletinLabel: "Bulletin",
		DigestLabel: "SHA-256 des unterschriebenen Bulletins",
		DigestNote:  "Für alle, die die Unterschriften mit eigenen Mitteln prüfen wollen.",
		CAPLabel:    "Unterschriebene CAP-Nachricht (XML)", From: "von", Until: "bis",
		EarlierTitle: "Frühere Bulletins", EarlierNote: "Sie gelten nicht mehr und bleiben hier, damit alle sie prüfen können.",
		ReplacedBy: "Ersetzt durch Bulletin Nr. %d", RevokedBulletin: "Widerrufen",
		RevokedNote: "Diese Warnung wurde widerrufen: Bitte nicht beachten.",
		ExpiredNote: "Diese Warnung ist nicht mehr in Kraft: Ihre Gültigkeit ist abgelaufen.",
		EndedNote:   "Die Gefahr, vor der gewarnt wurde, ist vorüber.",
		CheckTitle:  "Eine Nachricht prüfen",
		CheckText:   "Haben Sie eine Warnung in sozialen Medien oder in einem Chat gesehen? Jede echte Nachricht trägt einen Code: Geben Sie ihn hier ein und vergleichen Sie den Text mit dem auf dieser Seite.",
		CheckButton: "Prüfen", CheckHint: "zum Beispiel SV-7F3K2; auch die Zeile oder die Adresse, in der er steht",
		GenuineTitle:  "Der Code ist echt",
		GenuineText:   "Vergleichen Sie nun die Nachricht mit dem vollständigen Text: Beide müssen dasselbe sagen.",
		Stale:         "Die Nachricht mit diesem Code ist überholt: Es gilt das Bulletin Nr. %d.",
		ClosedTitle:   "Widerrufen oder beendet",
		Number:        "Nr.\u00a0%d",
		OtherTitle:    "Die Adresse ist nicht unsere",
		OtherSite:     "Vorsicht: Die eingegebene Adresse gehört nicht zu dieser Seite. Die Seite, zu der sie führt, kann gefälscht sein: Öffnen Sie sie nicht, und verbreiten Sie sie nicht weiter.",
		OtherCode:     "Den Code gibt es. Die Warnung mit diesem Code ist hier:",
		UnknownTitle:  "Unbekannter Code",
		UnknownText:   "Auf dieser Seite gibt es keine Warnung mit diesem Code. Prüfen Sie, ob er richtig geschrieben ist. Gibt sich die Nachricht als unsere aus, kann sie falsch sein: Leiten Sie sie nicht weiter und folgen Sie den amtlichen Kanälen.",
		MissingTitle:  "Seite nicht gefunden",
		MissingText:   "Unter dieser Adresse gibt es nichts. Veröffentlichte Warnungen werden nie gelöscht: Vielleicht wurde die Adresse falsch kopiert.",
		Home:          "Zu den aktuellen Warnungen",
		ChannelsTitle: "Amtliche Kanäle",
		ChannelsText:  "Nur diese Profile veröffentlichen unsere Warnungen. Im Zweifel gilt, was auf dieser Seite steht.",
		Policy:        "Regeln der Veröffentlichung", Data: "Offene Daten (JSON)", Feed: "Atom-Feed",
		StateInForce: "In Kraft", StateRevoked: "Warnung widerrufen", StateExpired: "Nicht mehr in Kraft",
		FirstIssue: "Erstausgabe",
	}
}

func french() words {
	return words{
		Words: wording.For("fr"),
		Colon: "\u00a0:", Skip: "Aller au contenu", Alerts: "Alertes", OfficialSite: "Site officiel des alertes",
		PageLanguages: "Langue de la page", TextLanguages: "Lire le texte en",
		CurrentTitle: "Alertes en cours", NoneTitle: "Aucune alerte en cours",
		NoneText:    "En ce moment, aucune alerte de cette autorité n’est en vigueur.",
		Reload:      "Rechargez la page pour voir la situation du moment.",
		RecentTitle: "Terminées récemment", RecentNote: "Elles ne sont plus en vigueur.",
		ReadAll: "Lire le texte complet", Danger: "En cas de danger immédiat, appelez le 112.",
		AreasLabel: "Zones", ValidLabel: "Validité", IssuerLabel: "Émise par",
		EventLabel: "Événement", BulletinLabel: "Bulletin",
		DigestLabel: "Empreinte SHA-256 du bulletin signé",
		DigestNote:  "Pour qui veut vérifier les signatures avec ses propres outils.",
		CAPLabel:    "Message CAP signé (XML)", From: "de", Until: "jusqu’à",
		EarlierTitle: "Bulletins précédents", EarlierNote: "Ils ne sont plus valables : ils restent ici pour que chacun puisse les vérifier.",
		ReplacedBy: "Remplacé par le bulletin n° %d", RevokedBulletin: "Révoqué",
		RevokedNote: "Cette alerte a été révoquée : n’en tenez pas compte.",
		ExpiredNote: "Cette alerte n’est plus en vigueur : sa validité a pris fin.",
		EndedNote:   "Le danger signalé par cette alerte est passé.",
		CheckTitle:  "Vérifier un message",
		CheckText:   "Vous avez vu une alerte sur les réseaux sociaux ou dans une messagerie ? Chaque message authentique porte un code : saisissez-le ici et comparez le texte avec celui de ce site.",
		CheckButton: "Vérifier", CheckHint: "par exemple SV-7F3K2 ; la ligne ou l’adresse où il figure convient aussi",
		GenuineTitle:  "Le code est authentique",
		GenuineText:   "Comparez maintenant le message reçu avec le texte complet : il doit dire la même chose.",
		Stale:         "Le message portant ce code n’est plus à jour : le bulletin n° %d est valable.",
		ClosedTitle:   "Révoquées ou terminées",
		Number:        "n°\u00a0%d",
		OtherTitle:    "L’adresse n’est pas la nôtre",
		OtherSite:     "Attention : l’adresse saisie n’est pas de ce site. La page à laquelle elle mène peut être fausse : ne l’ouvrez pas et ne la diffusez pas.",
		OtherCode:     "Le code existe. L’alerte portant ce code est ici :",
		UnknownTitle:  "Code inconnu",
		UnknownText:   "Ce site ne connaît aucune alerte portant ce code. Vérifiez la saisie. Si le message se présente comme le nôtre, il est peut-être faux : ne le diffusez pas et suivez les canaux officiels.",
		MissingTitle:  "Page introuvable",
		MissingText:   "Il n’y a rien à cette adresse. Les alertes publiées ne sont jamais effacées : l’adresse a peut-être été mal copiée.",
		Home:          "Voir les alertes en cours",
		ChannelsTitle: "Canaux officiels",
		ChannelsText:  "Seuls ces profils publient nos alertes. En cas de doute, c’est ce site qui fait foi.",
		Policy:        "Règles de publication", Data: "Données ouvertes (JSON)", Feed: "Flux Atom",
		StateInForce: "En vigueur", StateRevoked: "Alerte révoquée", StateExpired: "Plus en vigueur",
		FirstIssue: "Émission",
	}
}
