"""What people send: phrases of every day that no rule was tuned on."""

WORDS = (
    "Mañana", "Ella", "Nunca", "Lluvia", "Amor", "El perro", "Mi hermano", "La noche",
    "Siempre", "Aquel verano", "La verdad",
)  # fmt: skip
QUESTIONS = (
    "¿Qué", "¿Por qué no me", "¿Dónde está", "¿Quién llama a", "¿Sabes lo que", "¿Cómo puedo",
    "¿No te parece que", "¿Cuándo volverá", "¿Has visto", "¿Y si mañana",
)  # fmt: skip
BEGINNINGS = (
    "Me gusta mucho", "Esta mañana he salido a", "La vecina del tercero", "Se abrió la puerta y",
    "Todo el mundo sabe que", "Cuando llegó el invierno", "Había una vez un rey que",
    "Aunque no lo creas", "En la cocina de mi casa", "Se me ha olvidado", "Los niños jugaban en",
    "Hace mucho tiempo que", "Mi madre siempre decía que",
)  # fmt: skip
DIALOGUE = (
    "—No quiero ir —dijo ella", "—Ven aquí", "—¿Eres tú?", "Le contesté que", "—Pues mire usted",
    "Entonces gritó:", "—Buenas tardes, señor", "Le preguntó si",
)  # fmt: skip
MODERN = (
    "El autobús no llega y", "He comprado un ordenador", "El avión despegó", "Mi teléfono móvil",
    "En la oficina", "La película empezó", "El camarero nos trajo la pizza", "Internet no funciona",
    "Mi jefe me ha dicho", "El partido de fútbol",
)  # fmt: skip
WITHOUT_ACCENTS = (
    "manana sera otro dia", "la cancion que mas me gusta", "no se que hacer", "mi corazon esta",
    "el arbol del jardin", "quiza algun dia", "TENGO SUEÑO", "buenos dias",
)  # fmt: skip

EVERYDAY = (*WORDS, *QUESTIONS, *BEGINNINGS, *DIALOGUE, *MODERN, *WITHOUT_ACCENTS)
